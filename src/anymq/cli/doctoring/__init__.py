"""What the doctor looks at, besides what is in doctor.py."""
