"""Proof before adoption: one question asked live, of a snapshot and through the API, timed and compared.

translate    a metric's SELECT in the words of its source
live         the question asked of the source again and again, and where the time goes
prototype    the same answer computed once into a snapshot, and served
compare      whether two answers are equal, and known causes where they are not
report       the table, the verdict, the exit code
"""
