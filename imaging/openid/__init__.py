"""Sign-in by OpenID Connect, up to the claims that a provider vouches for.

Rule of the room: it asks the one provider that the site names and nobody else, and knows no store,
no account and no page.
"""
