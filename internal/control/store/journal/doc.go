// Package journal keeps what happened, in the order of commits, with the images of zones beside it and the access states of
// zones and accounts: what memory is a fold over. It knows where the journal begins and ends, who waits for more, and
// whether the database has the history that memory stands on. It must not know what is in an entry or an image, nor the
// rows that operators edit.
//
// On PostgreSQL positions are handed out by a counter row that is raised as the last statement but the journal's own before
// COMMIT: its lock is held from there to the end of the transaction. On SQLite there is one writer, and the journal itself
// says where it ends. So positions become visible in order and without gaps on both.
package journal
