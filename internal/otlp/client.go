package otlp

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// The SDK's own client brings gRPC along, whose tables alone would be a tenth of every start; over HTTP a request is a message in a POST.
// What it does, and which variables it reads, is as the specification of the OTLP exporter says.

// Waits between tries that a receiver asks for by its status, which a batch has as long as the SDK gives it.
const (
	waitFirst = 5 * time.Second
	waitMost  = 30 * time.Second
)

// answerMost is how much of an answer is read.
const answerMost = 4 << 10

// poster posts batches to a receiver. It is otlptrace.Client.
type poster struct {
	to      string
	headers map[string]string
	gzip    bool
	http    *http.Client
}

// newPoster takes what the configuration says, and from the environment what it leaves open.
func newPoster(c *Config) (*poster, error) {
	p := &poster{to: c.receiver(), gzip: variable("COMPRESSION") == "gzip"}
	var err error
	if p.headers, err = c.headers(); err == nil && p.headers == nil {
		p.headers, err = headersOf(variable("HEADERS"))
	}
	if err != nil {
		return nil, err
	}
	if _, ok := p.headers["User-Agent"]; !ok {
		p.headers["User-Agent"] = "headwater/" + c.Version
	}
	timeout := 10 * time.Second
	if text := variable("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			return nil, fmt.Errorf("%sTIMEOUT: %q is no number of milliseconds", envPrefix, text)
		}
		timeout = time.Duration(ms) * time.Millisecond
	}
	secure, err := clientTLS()
	if err != nil {
		return nil, err
	}
	p.http = &http.Client{Timeout: timeout, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: 90 * time.Second,
	}}
	return p, nil
}

const envPrefix = "OTEL_EXPORTER_OTLP_"

// variable is a setting of the environment, where the one for traces goes before that for everything.
func variable(name string) string {
	return strings.TrimSpace(cmp.Or(os.Getenv(envPrefix+"TRACES_"+name), os.Getenv(envPrefix+name)))
}

// receiver is the address that batches are posted to. The environment's for traces is one as it stands, and that for everything is completed.
func (c *Config) receiver() string {
	if c.To != "" {
		return c.endpoint()
	}
	u, err := url.Parse(os.Getenv(envTraces))
	if err == nil && u.Host != "" {
		u.Path = cmp.Or(u.Path, "/")
		return u.String()
	}
	return strings.TrimSuffix(os.Getenv(envEndpoint), "/") + "/v1/traces"
}

// headersOf reads a list of NAME=VALUE, percent-encoded.
func headersOf(list string) (map[string]string, error) {
	out := map[string]string{}
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		name, value, ok := strings.Cut(item, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return nil, fmt.Errorf("%sHEADERS is no list of NAME=VALUE", envPrefix) // and what it is may be secret
		}
		out[http.CanonicalHeaderKey(name)] = value
	}
	return out, nil
}

// clientTLS is of the certificates that the environment names; nil for the system's and none of ours.
func clientTLS() (*tls.Config, error) {
	ca, cert, key := variable("CERTIFICATE"), variable("CLIENT_CERTIFICATE"), variable("CLIENT_KEY")
	if ca == "" && cert == "" && key == "" {
		return nil, nil //nolint:nilnil // net/http's word for its own
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("%sCERTIFICATE: %w", envPrefix, err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%sCERTIFICATE: no certificate in %s", envPrefix, ca)
		}
	}
	if cert != "" || key != "" {
		own, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%sCLIENT_CERTIFICATE and …_CLIENT_KEY: %w", envPrefix, err)
		}
		out.Certificates = []tls.Certificate{own}
	}
	return out, nil
}

// Start is otlptrace.Client's.
func (*poster) Start(context.Context) error { return nil }

// Stop is otlptrace.Client's. What is under way ends with its context, which is the SDK's to end.
func (p *poster) Stop(context.Context) error {
	p.http.CloseIdleConnections()
	return nil
}

// UploadTraces is otlptrace.Client's. TracesData is, octet for octet, the request of the protocol, which is defined with gRPC's services.
func (p *poster) UploadTraces(ctx context.Context, batch []*spans.ResourceSpans) error {
	body, err := proto.Marshal(&spans.TracesData{ResourceSpans: batch})
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	if p.gzip {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(body); err != nil {
			return fmt.Errorf("traces: %w", err)
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("traces: %w", err)
		}
		body = packed.Bytes()
	}
	for wait := waitFirst; ; wait = min(2*wait, waitMost) {
		err := p.post(ctx, body)
		later, ok := errors.AsType[*laterError](err)
		if !ok {
			return err
		}
		pause := max(later.after, wait/2+rand.N(wait/2))
		if end, limited := ctx.Deadline(); limited && time.Until(end) < pause {
			return err // to wait for it would only keep the batches behind it waiting
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// laterError is of a receiver that may be asked again after a while.
type laterError struct {
	error
	after time.Duration
}

func (e *laterError) Unwrap() error { return e.error }

func (p *poster) post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.to, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	for name, value := range p.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", protobuf)
	if p.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := p.http.Do(r)
	if err != nil {
		if temporary, ok := errors.AsType[*url.Error](err); ok && temporary.Temporary() {
			return &laterError{err, 0}
		}
		return err //nolint:wrapcheck // it names the address
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	switch {
	case resp.StatusCode/100 == 2 && resp.Header.Get("Content-Type") == protobuf:
		return refused(answer)
	case resp.StatusCode/100 == 2:
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	err = fmt.Errorf("%w: %s: %s", errRefused, resp.Status, bytes.TrimSpace(answer))
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &laterError{err, time.Duration(min(max(seconds, 0), 3600)) * time.Second}
	}
	return err
}

const protobuf = "application/x-protobuf"

var errRefused = errors.New("the receiver has not taken spans")

// Fields of an answer: ExportTraceServiceResponse has a partial success, and that the number of spans that were not taken, and why.
const (
	fieldPartial  = 1
	fieldRejected = 1
	fieldMessage  = 2
)

// refused reads from an answer what the receiver has not taken after all.
func refused(answer []byte) error {
	message := ""
	partial := field(answer, fieldPartial, protowire.BytesType)
	if len(partial) > 0 {
		partial, _ = protowire.ConsumeBytes(partial)
	}
	rejected, _ := protowire.ConsumeVarint(field(partial, fieldRejected, protowire.VarintType))
	if m := field(partial, fieldMessage, protowire.BytesType); m != nil {
		text, _ := protowire.ConsumeBytes(m)
		message = string(text)
	}
	if rejected == 0 {
		return nil // a message alone is a warning to whoever reads the receiver's log
	}
	return fmt.Errorf("%w: %d: %s", errRefused, rejected, message)
}

// field is what a message goes on with where a field's value begins; nil without the field.
func field(b []byte, number protowire.Number, kind protowire.Type) []byte {
	for len(b) > 0 {
		n, k, size := protowire.ConsumeTag(b)
		if size < 0 {
			return nil
		}
		if b = b[size:]; n == number && k == kind {
			return b
		}
		if size = protowire.ConsumeFieldValue(n, k, b); size < 0 {
			return nil
		}
		b = b[size:]
	}
	return nil
}
