"""Work that needs a lab each: here, several at a time, or on other machines."""
