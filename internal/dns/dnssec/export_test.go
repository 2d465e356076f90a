package dnssec

// What tests of the package's surface look at from outside.
var (
	SignSet      = signSet
	AppendSigned = appendSigned
)

// RRSIGFixed is the length of the members before the signer's name.
const RRSIGFixed = rrsigFixed
