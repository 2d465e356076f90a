// Package meter counts the queries that each zone is asked, by what came of them and by when, for people to look at.
//
// The query path writes into tables that threads hardly share (shard.go): a look, and one atomic addition. Now and then the tables are
// taken away and what they hold is told (Config.Counted), which is where locks are; so what is shown is a few seconds old. Which
// names are asked is known from samples (names.go): a few a second of each zone and thread, all of them where there are few. Names
// live in memory and end with the process.
//
// The package knows zones, questions and response codes. It must not know who asked, what the answer was, or who looks at the numbers.
package meter
