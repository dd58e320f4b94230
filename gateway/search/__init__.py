"""What is stored?  The Explore API."""
