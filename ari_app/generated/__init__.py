"""ARI as Asterisk documents it: what ``ari_app.generate`` wrote."""
