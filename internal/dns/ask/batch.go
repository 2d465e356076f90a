package ask

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Packets is a socket that takes and gives datagrams by the batch; both families have the same messages.
type Packets interface {
	ReadBatch(list []ipv4.Message, flags int) (int, error)
	WriteBatch(list []ipv4.Message, flags int) (int, error)
	Close() error
}

// BatchMost is how many datagrams are sent or received by one system call, where the system can take several.
const BatchMost = 64

// Batched is a UDP socket as Packets.
func Batched(c *net.UDPConn) Packets {
	if at, ok := c.LocalAddr().(*net.UDPAddr); ok && at.IP.To4() != nil {
		return ipv4.NewPacketConn(c)
	}
	return ipv6.NewPacketConn(c)
}

var errNothing = errors.New("nothing could be sent")

// Send sends all messages. Failed hears of those that could not leave, which keeps no other back.
func Send(c Packets, list []ipv4.Message, failed func(i int, err error)) {
	for done := 0; done < len(list); {
		n, err := c.WriteBatch(list[done:min(done+BatchMost, len(list))], 0)
		if done += max(n, 0); n > 0 {
			continue // whoever comes next finds out by itself why it cannot
		}
		if err == nil {
			err = errNothing
		}
		failed(done, err)
		done++
	}
}

// breath is how long a socket is left alone that cannot be read: that is of one peer, or of a machine in need, and neither is worth a core.
const breath = 10 * time.Millisecond

// Receive gives each datagram, cut to a size, until the socket is closed. A message is the callee's until it returns.
func Receive(c Packets, size int, take func(from netip.AddrPort, msg []byte)) {
	list, room := make([]ipv4.Message, BatchMost), make([]byte, BatchMost*size)
	for i := range list {
		list[i].Buffers = [][]byte{room[i*size:][:size]}
	}
	for {
		n, err := c.ReadBatch(list, 0)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		for i := range list[:max(n, 0)] {
			if from, ok := list[i].Addr.(*net.UDPAddr); ok {
				at := from.AddrPort()
				take(netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), list[i].Buffers[0][:list[i].N])
			}
		}
		if err != nil {
			time.Sleep(breath)
		}
	}
}
