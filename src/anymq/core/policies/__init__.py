"""What operators say of names: parameters, and among them policies and limits. They hold live."""
