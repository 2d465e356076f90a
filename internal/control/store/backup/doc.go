// Package backup writes all tables into a stream and reads them back (docs/formats/backup.md), and encrypts the secrets in
// them anew. It knows every table by name and columns. It must not know what the rows mean.
package backup
