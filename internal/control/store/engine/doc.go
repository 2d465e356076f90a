// Package engine is the databases: SQLite and PostgreSQL behind one kind of connection, their sessions, dialects and
// migrations, secrets at rest, and what the rooms of the store need to write statements: values, conditions, lists. It is
// the only package that knows database/sql and the drivers. It must not know what is in the tables.
//
//	Open -> DB: Read (single statements), View (one state), Write and Begin (transactions) -> Conn: One, Each, In, Exec, Insert
//
// Both engines run the same statements. What differs stands in one Dialect (dialect.go) and in how a session is begun
// (sqlite.go, postgres.go); the tables are in sqlite/ and postgres/, one migration file a step. SQLite computes in this
// process, where boxing values cost as much as a statement: its connections keep statements prepared and take and give typed
// values (line.go, binds.go, rows.go). database/sql is PostgreSQL's road, and that of migrations.
package engine
