"""Weighted matrix factorisation of play counts (Hu, Koren, Volinsky 2008) as benanne/wmf did it in 2014."""
