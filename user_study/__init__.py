"""User studies: from clips to a sentence a paper can defend. Design, rating web form, screening, statistics."""
