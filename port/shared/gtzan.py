"""GTZAN, the corpus that most of these systems learnt from: its ten genres, in the order of the answers' last axis."""

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
