-- Certificates that clients log in with (SASL EXTERNAL): SHA-256 of the DER.

CREATE TABLE client_certificates (
	fingerprint BLOB NOT NULL,
	account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	label TEXT NOT NULL,
	created INTEGER NOT NULL,
	PRIMARY KEY (fingerprint, account)
) WITHOUT ROWID;
CREATE INDEX client_certificates_account ON client_certificates (account);
