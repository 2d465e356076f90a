// Package drafts is the rows of drafts: edits of a zone that are put together before they are done, as what was and what shall be. What is written
// of them is written in the transaction of a change, by functions that package zones calls. It must not know what may become of a draft.
package drafts
