"""Who somebody is: passwords, SCRAM, users."""
