"""What passes between a lead and a trainee: signed files, and what is in them."""
