"""The app: screens and widgets over the queue and the library."""
