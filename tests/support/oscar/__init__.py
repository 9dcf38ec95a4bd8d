"""A shop of django-oscar's own apps and templates, with the integration installed as its documentation says."""
