"""Reads what lies on other people's servers, without being sent anywhere it must not go."""
