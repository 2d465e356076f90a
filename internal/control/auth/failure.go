package auth

import "github.com/headwaterdns/headwater/internal/control/model"

// HTTP statuses, spelled here because the package does not know net/http.
const (
	statusBadRequest      = 400
	statusUnauthorized    = 401
	statusForbidden       = 403
	statusTooManyRequests = 429
)

// Reason is one inner error of a Failure.
type Reason struct {
	Code    int
	Message string
}

// Failure says why credentials do not let a request pass: an HTTP status and the error that clients know (contract
// section 2.2). It never carries the credential.
type Failure struct {
	Status  int
	Code    int
	Message string
	Chain   []Reason
	// RetryAfter is in seconds; not zero only when throttled.
	RetryAfter int
	// Why names the reason in metrics and logs, Owner whose credential it was, as far as that is known: a user, or the
	// account of a token. Clients do not see them.
	Why   string
	Owner model.ID
}

// of says whose credential failed.
func (f *Failure) of(owner model.ID) *Failure {
	f.Owner = owner
	return f
}

// The reasons of failures, as metrics and logs name them.
const (
	WhyNothing   = "nothing"   // no credentials were sent
	WhyMalformed = "malformed" // credentials that are none
	WhyToken     = "token"     // unknown, expired, disabled or revoked
	WhyKey       = "key"       // an unknown key, or one of somebody else
	WhySession   = "session"   // a session that is over
	WhyCSRF      = "csrf"
	WhyAddress   = "address" // a token from where it may not be used
	WhySuspended = "suspended"
	WhyCode      = "code"            // a sign-in with the right password and a wrong code
	WhyPasskey   = "passkey"         // an answer to a challenge that does not do
	WhyCounter   = "passkey_counter" // one that is right, and may come from a copy of the key
	WhyPassword  = "password"        // a sign-in with a wrong e-mail address or password
	WhyThrottled = "throttled"       // a sign-in that came too soon
	WhyForbidden = "forbidden"       // good credentials that may not do this

	// WhyCodeNeeded is half a sign-in: the password was right, and the browser asks for the code now.
	WhyCodeNeeded = "code_needed"
)

func (f *Failure) Error() string { return f.Message }

// Forbidden is the failure of an identity that is known but may not do this. Endpoints below dns_records answer
// differently from the rest.
func Forbidden(dnsRecords bool) *Failure {
	if dnsRecords {
		return &Failure{Status: statusForbidden, Code: 10000, Why: WhyForbidden, Message: "Authentication error"}
	}
	return &Failure{Status: statusForbidden, Code: 9109, Why: WhyForbidden, Message: "Unauthorized to access requested resource"}
}

func unknownToken(account bool) *Failure {
	if account {
		return &Failure{Status: statusUnauthorized, Code: 10000, Why: WhyToken, Message: "Authentication error"}
	}
	return &Failure{Status: statusForbidden, Code: 9109, Why: WhyToken, Message: "Invalid access token"}
}

func malformedToken(account bool) *Failure {
	if account {
		return &Failure{Status: statusBadRequest, Code: 9106, Why: WhyMalformed, Message: "Authentication failed (status: 400)"}
	}
	return badHeader(6111, "Authorization")
}

func badHeader(code int, name string) *Failure {
	return &Failure{
		Status: statusBadRequest, Code: 6003, Why: WhyMalformed, Message: "Invalid request headers",
		Chain: []Reason{{code, "Invalid format for " + name + " header"}},
	}
}

func unknownKey() *Failure {
	return &Failure{Status: statusForbidden, Code: 9103, Why: WhyKey, Message: "Unknown X-Auth-Key or X-Auth-Email"}
}

func nothingSent() *Failure {
	return &Failure{
		Status: statusBadRequest, Code: 9106, Why: WhyNothing,
		Message: "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
	}
}

func halfSent(missing string) *Failure {
	return &Failure{Status: statusBadRequest, Code: 9107, Why: WhyMalformed, Message: "Missing " + missing + " header"}
}

func suspended(what string) *Failure {
	return &Failure{
		Status: statusForbidden, Code: model.CodeSuspended, Why: WhySuspended, Message: "The " + what + " is suspended",
	}
}
