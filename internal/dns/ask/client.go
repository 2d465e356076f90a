// Package ask puts questions to DNS servers, such that nobody can guess what an answer must look like. A Client asks one server one
// thing: by UDP with a fresh socket, port, identifier and spelling for every try, and by TCP where UDP is truncated, spoilt or silent.
// Many asks very many, by UDP, from few sockets. The package knows messages and sockets; it must not know who asks, what for, or what
// the answer means.
package ask

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Client asks a server. The zero value of all but Addr is of use.
type Client struct {
	Addr    string        // host:port
	Recurse bool          // it is a resolver and shall look further than its own zones
	Timeout time.Duration // of one try; 2 seconds when zero
	Tries   int           // over UDP; 2 when zero
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Parameters of questions. A response that is larger than udpSize comes truncated.
const (
	defaultTimeout = 2 * time.Second
	defaultTries   = 2
	udpSize        = 1232
	// maxStray bounds the datagrams that a try reads and throws away, so that a flood cannot keep it busy.
	maxStray = 64
)

// Errors of exchanges.
var (
	errStray    = errors.New("too many datagrams that answer something else")
	errMismatch = errors.New("response does not belong to the question")
)

// Exchange asks for a name and returns the response, whose question has been checked.
func (c *Client) Exchange(ctx context.Context, name wire.Name, t wire.Type) ([]byte, error) {
	tries := c.Tries
	if tries == 0 {
		tries = defaultTries
	}
	var last error
	for range tries {
		msg, err := c.try(ctx, "udp", name, t)
		if err == nil && wire.HeaderFlags(msg)&wire.FlagTC == 0 {
			return msg, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		last = err
		if err == nil || errors.Is(err, errStray) {
			break
		}
	}
	msg, err := c.try(ctx, "tcp", name, t)
	if err != nil {
		return nil, errors.Join(last, err)
	}
	return msg, nil
}

func (c *Client) try(ctx context.Context, network string, name wire.Name, t wire.Type) ([]byte, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, c.Addr)
	if err != nil {
		return nil, fmt.Errorf("reach server: %w", err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	question := Query(name, t, c.Recurse)
	if network == "tcp" {
		return stream(conn, question)
	}
	return datagram(conn, question)
}

// Query writes a question with a random identifier and, against forged responses, with letters in random case.
func Query(name wire.Name, t wire.Type, recurse bool) []byte {
	flags := wire.Flags(0)
	if recurse {
		flags = wire.FlagRD
	}
	var b wire.Builder
	b.Start(nil, udpSize, uint16(rand.Uint32()), flags)
	b.Question([]byte(name), t, wire.ClassIN)
	b.OPT(&wire.OPT{UDPSize: udpSize})
	msg := b.Finish()
	spell(msg, len(name), rand.Uint64())
	return msg
}

func datagram(conn net.Conn, question []byte) ([]byte, error) {
	if _, err := conn.Write(question); err != nil {
		return nil, fmt.Errorf("ask server: %w", err)
	}
	buf := make([]byte, wire.MaxMessage)
	for range maxStray {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, fmt.Errorf("hear server: %w", err)
		}
		if Answers(buf[:n], question, true) {
			return bytes.Clone(buf[:n]), nil
		}
	}
	return nil, errStray
}

func stream(conn net.Conn, question []byte) ([]byte, error) {
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(question))), question...)
	if _, err := conn.Write(framed); err != nil {
		return nil, fmt.Errorf("ask server: %w", err)
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, fmt.Errorf("hear server: %w", err)
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, msg); err != nil {
		return nil, fmt.Errorf("hear server: %w", err)
	}
	if !Answers(msg, question, false) {
		return nil, errMismatch
	}
	return msg, nil
}

// Answers says whether a message is the response to a question: same identifier, and the same question with, if exact,
// the very spelling. Over TCP nobody can slip a message in, and a server that folds letters is put up with.
func Answers(msg, question []byte, exact bool) bool {
	if len(msg) < wire.HeaderLen || wire.ID(msg) != wire.ID(question) {
		return false
	}
	flags := wire.HeaderFlags(msg)
	if flags&wire.FlagQR == 0 || flags.Opcode() != wire.OpcodeQuery || wire.Count(msg, wire.SectionQuestion) != 1 {
		return false
	}
	end := questionEnd(question)
	if len(msg) < end {
		return false
	}
	if exact {
		return bytes.Equal(msg[wire.HeaderLen:end], question[wire.HeaderLen:end])
	}
	return bytes.EqualFold(msg[wire.HeaderLen:end], question[wire.HeaderLen:end])
}

// questionEnd is where the question that Query wrote ends.
func questionEnd(msg []byte) int {
	at := wire.HeaderLen
	for msg[at] != 0 {
		at += int(msg[at]) + 1
	}
	return at + 1 + 4
}
