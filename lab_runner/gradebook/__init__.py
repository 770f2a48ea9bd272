"""What a class made of a course: numbers, a spreadsheet, and a report to read in a browser."""
