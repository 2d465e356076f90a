// Package conformance holds what the DNS standards ask of an authoritative server as case files: zones, queries and the
// answers expected, in testdata, each named after the section that it tests. The files know no implementation. Tests put
// them to our answers in process, to our server over its sockets, and, as a check of the files themselves, to BIND, NSD
// and Knot where they are installed.
//
// A case file is a txtar archive. Its comment says what it is about. A section "zone NAME" is a zone in master file
// format; no two files may hold zones of one name. A section "query NAME TYPE OPTION..." is a question, and its text the
// answer. Options:
//
//	class=CH   another class
//	size=N     EDNS with this UDP size; without a size-giving option there is EDNS with 1232
//	noedns     no EDNS
//	do         the DO bit
//	version=N  an EDNS version
//	nsid       an NSID option
//	option=N   an EDNS option that nobody knows, with four octets
//	rd         recursion desired
//	tcp        over TCP
//
// An answer reads: the response code and the flags set; the sections that are not empty, each record on a line, in order
// of owners and types for the sections where order means nothing; and a line for EDNS. Lines that begin with a semicolon
// are remarks. "; ours: REASON" keeps a question from other servers, and "; NSD differs: REASON" says that one of them
// is known to answer otherwise.
//
// go test -C test ./conformance -update writes the answers anew; read the difference before you keep it.
package conformance
