"""The dashboard: pages for people, on top of the service. `register` puts it into the application."""
