package wire

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// InLine is how many requests a server looks up beside each other, so that none waits for memory alone: what it has read of one it
// comes back to when that has arrived.
const InLine = 4

// Request is a query as a server has it: what it asks, who asks and by which way, what its answer may be, and what its
// signature was made with. Server, answer and xfr read the same one. It is meant to be reused, and must not be copied.
type Request struct {
	Query

	// Source is who asks. It is invalid for plain queries over UDP, which are answered alike to everybody.
	Source netip.AddrPort
	TCP    bool // no truncation to be repaired by TCP, no source to be forged

	Size      int           // the most octets of an answer, before it is signed
	Keepalive time.Duration // what edns-tcp-keepalive is to say (RFC 7828); 0: nothing

	// Block is octets of which the answer's length is to be a multiple, by padding (RFC 8467); 0: any.
	Block int

	// Cookie is what the answer's COOKIE option is to be (RFC 7873); nil: none.
	Cookie []byte
	// Hidden is set where the zone is not there for everybody, and so was not answered from; Admitted says that who asks may see it.
	Hidden, Admitted bool

	// Place is the request's among those in line, 0 for one that is alone.
	Place int

	TLS    *TLS   // nil: it came in clear
	Signer Signer // nil: the request is not signed
}

// Signer is what verified a request's signature, and signs the answer's messages in turn (RFC 8945). Package tsig has the
// one there is; this one knows no keys.
type Signer interface {
	KeyName() Name // the key that the request names, whether it verified or not
	Overhead() int // the octets that a signature adds to a message
	// Sign signs the message at buf[at:].
	Sign(buf []byte, at int, now time.Time) ([]byte, error)
}

// TLS is what is under a connection.
type TLS struct {
	Version uint16 // as it is on the wire, 0x0304 for TLS 1.3
	ALPN    bool   // the client asked for the protocol "dot"
	Resumed bool   // of an earlier session
	// ClientKey is the SHA-256 digest of the public key (SubjectPublicKeyInfo) of the client's certificate, in base64; empty without
	// one. TLS has proved that the client has the key; who signed the certificate, and until when it is good, nobody has asked.
	ClientKey string
	// ClientName is what that certificate calls the client. Nothing has proved it: Is asks for that.
	ClientName string
	Client     TLSClient `json:"-"` // nil: it has shown no certificate
}

// TLSClient is what a client of TLS has shown. Package trust has the one there is; this one knows no certificates.
type TLSClient interface {
	// Is says whether the client has proved to have one of the names, separated by spaces, by a certificate that is good now under
	// an authority, in PEM.
	Is(names, authority string) bool
}

// Is says whether the client has proved to have one of the names, as TLSClient tells.
func (t *TLS) Is(names, authority string) bool {
	return t.Client != nil && t.Client.Is(names, authority)
}

// Has says whether the client has one of the keys, which are separated by spaces.
func (t *TLS) Has(keys string) bool {
	for k := range strings.FieldsSeq(keys) {
		if k == t.ClientKey {
			return true
		}
	}
	return false
}

// String is the version's name, as in "TLS 1.3", or empty in clear.
func (t *TLS) String() string {
	if t == nil {
		return ""
	}
	return "TLS 1." + strconv.Itoa(int(t.Version)-0x0301)
}

// Receive takes up another request: what msg asks, and nothing of the one before.
func (r *Request) Receive(msg []byte, source netip.AddrPort, tcp bool) Outcome {
	r.Source, r.TCP, r.Size, r.Keepalive, r.Block, r.Cookie, r.TLS, r.Signer = source, tcp, 0, 0, 0, nil, nil, nil
	r.Hidden, r.Admitted = false, false
	return r.Parse(msg)
}
