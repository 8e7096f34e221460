"""Private parts of `eap.media`; import that instead."""
