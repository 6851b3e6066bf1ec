"""What is run by hand or by make: locks, pictures, and the app without models."""
