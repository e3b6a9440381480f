-- What a user may do with all objects of an account, by who he is.

CREATE INDEX share_identifier ON share (identifier, object, rights);
