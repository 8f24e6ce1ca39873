"""Transactional messages: kept where nobody sees them until their sender has made up his mind."""
