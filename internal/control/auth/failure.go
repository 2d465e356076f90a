package auth

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
}

func (f *Failure) Error() string { return f.Message }

// Forbidden is the failure of an identity that is known but may not do this. Endpoints below dns_records answer
// differently from the rest.
func Forbidden(dnsRecords bool) *Failure {
	if dnsRecords {
		return &Failure{Status: statusForbidden, Code: 10000, Message: "Authentication error"}
	}
	return &Failure{Status: statusForbidden, Code: 9109, Message: "Unauthorized to access requested resource"}
}

func unknownToken(account bool) *Failure {
	if account {
		return &Failure{Status: statusUnauthorized, Code: 10000, Message: "Authentication error"}
	}
	return &Failure{Status: statusForbidden, Code: 9109, Message: "Invalid access token"}
}

func malformedToken(account bool) *Failure {
	if account {
		return &Failure{Status: statusBadRequest, Code: 9106, Message: "Authentication failed (status: 400)"}
	}
	return badHeader(6111, "Authorization")
}

func badHeader(code int, name string) *Failure {
	return &Failure{
		Status: statusBadRequest, Code: 6003, Message: "Invalid request headers",
		Chain: []Reason{{code, "Invalid format for " + name + " header"}},
	}
}

func unknownKey() *Failure {
	return &Failure{Status: statusForbidden, Code: 9103, Message: "Unknown X-Auth-Key or X-Auth-Email"}
}

func nothingSent() *Failure {
	return &Failure{
		Status: statusBadRequest, Code: 9106,
		Message: "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
	}
}

func halfSent(missing string) *Failure {
	return &Failure{Status: statusBadRequest, Code: 9107, Message: "Missing " + missing + " header"}
}
