"""Dieleman's recommender: what is heard in a clip, as factors of its listeners. From blog and paper."""
