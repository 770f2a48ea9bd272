"""The program ``lab``: one file for each verb, which calls one use case and shows the outcome."""
