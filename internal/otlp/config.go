// Package otlp sends spans, which the SDK of OpenTelemetry keeps, to a receiver that speaks OTLP over HTTP.
//
// It knows the settings of that, ours and those of the environment that all programs with the SDK share (OTEL_*), and keeps
// what a receiver that is slow, away or hanging may hold: a queue of fixed length, from which spans are dropped, and a second
// at the end. It must not know what spans are recorded of.
package otlp

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config is where traces go, and with its tags flags of a server. The zero value, with nothing in the environment, is nowhere.
type Config struct {
	To          string  `help:"Receiver that traces of API requests are sent to, by OTLP over HTTP: http://HOST:4318, or https. Off when empty, unless OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT names one." placeholder:"URL"`
	Sample      float64 `default:"100" help:"How many of the requests are traced, in percent, of those whose traceparent does not say it; 0 is those alone whose traceparent asks for it. At 100 OTEL_TRACES_SAMPLER counts, too."`
	HeadersFile string  `help:"File with headers for the receiver, such as its token, one a line as NAME: VALUE." placeholder:"FILE"`

	Version string           `kong:"-"` // of the program
	Host    string           `kong:"-"` // on which it runs
	Log     *slog.Logger     `kong:"-"`
	Now     func() time.Time `kong:"-"`
}

// Variables of the environment that say whether, and how, traces are sent. All others of the SDK count as it documents them.
const (
	envDisabled  = "OTEL_SDK_DISABLED"
	envExporter  = "OTEL_TRACES_EXPORTER"
	envSampler   = "OTEL_TRACES_SAMPLER"
	envEndpoint  = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTraces    = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envProtocol  = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envTraceProt = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
)

// On says whether traces are sent.
func (c *Config) On() bool {
	if c.To != "" {
		return true
	}
	return (os.Getenv(envEndpoint) != "" || os.Getenv(envTraces) != "") &&
		!strings.EqualFold(os.Getenv(envDisabled), "true") && os.Getenv(envExporter) != "none"
}

// Valid says whether the settings can be used. Where nothing is sent, those of the environment do not matter.
func (c *Config) Valid() error {
	if c.Sample < 0 || c.Sample > 100 {
		return errors.New("--traces-sample is from 0 to 100 percent")
	}
	if !c.On() {
		if c.HeadersFile != "" {
			return errors.New("--traces-headers-file has no receiver (--traces-to)")
		}
		return nil
	}
	if _, err := c.headers(); err != nil {
		return err
	}
	if c.To != "" {
		return address("--traces-to", c.To)
	}
	for _, name := range []string{envTraces, envEndpoint} {
		if s := os.Getenv(name); s != "" {
			if err := address(name, s); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{envTraceProt, envProtocol} {
		if s := os.Getenv(name); s != "" {
			if s != "http/protobuf" {
				return fmt.Errorf("%s is %q: traces are sent by http/protobuf alone", name, s)
			}
			break // the one for traces goes before
		}
	}
	return nil
}

// address says whether a receiver's address can be used.
func address(name, s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("%s is no URL", name) // the error would repeat it, with whatever password is in it
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%s is no URL of http or https", name)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s has more than a host, a port and a path: credentials come from --traces-headers-file or OTEL_EXPORTER_OTLP_HEADERS", name)
	}
	return nil
}

// endpoint is where traces go by our own setting: an address without a path is the receiver's for all kinds of telemetry.
func (c *Config) endpoint() string {
	u, err := url.Parse(c.To)
	if err == nil && strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
		return u.String()
	}
	return c.To
}

// headers reads those of the file.
func (c *Config) headers() (map[string]string, error) {
	if c.HeadersFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.HeadersFile)
	if err != nil {
		return nil, fmt.Errorf("--traces-headers-file: %w", err)
	}
	out := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t\"(),/;<=>?@[]{}") {
			return nil, fmt.Errorf("--traces-headers-file: line %d is not NAME: VALUE", n)
		}
		out[http.CanonicalHeaderKey(name)] = strings.TrimSpace(value)
	}
	return out, lines.Err() //nolint:wrapcheck // of a string
}
