"""Who may do what: users, their tags, and their rights in virtual hosts. One model for all."""
