"""What runs inside a lab's switchboard, and nowhere else."""
