package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

type certCmd struct {
	CA     certCACmd     `cmd:"" name:"ca" help:"Make an authority of your own."`
	Server certServerCmd `cmd:"" help:"Make a certificate for a server, signed by the authority."`
	Client certClientCmd `cmd:"" help:"Make a certificate for a secondary that is to show one, signed by the authority."`
	Pin    certPinCmd    `cmd:"" help:"Say by which digest a peer's client_keys name a certificate's key."`
}

// Help tells what these are for.
func (*certCmd) Help() string {
	return "An authority, and certificates for DNS over TLS and HTTPS in private networks and labs. Where an authority that everybody knows will do, use that. " +
		"Keys are ECDSA on P-256, and their files are for their owner alone.\n\n" +
		"Example: headwater cert ca && headwater cert server headwater.example"
}

// certOut is where a certificate goes.
type certOut struct {
	Out   string `env:"-" help:"Where to: FILE.pem and FILE.key." placeholder:"FILE"`
	Renew bool   `env:"-" help:"The files are there: keep the key, and make another certificate for it."`
}

// certBy is who signs it.
type certBy struct {
	CAFile string `env:"-" name:"ca" default:"ca" help:"The authority: FILE.pem and FILE.key." placeholder:"FILE"`
}

type certCACmd struct {
	certOut

	Name string `arg:"" optional:"" default:"Headwater CA" help:"Its name, for people."`
	Days int    `env:"-" default:"3650" help:"For how many days it is good."`
}

type certServerCmd struct {
	certOut
	certBy

	Names []string `arg:"" help:"Names and addresses that clients know the server by; the first one names the files."`
	Days  int      `env:"-" default:"397" help:"For how many days it is good."`
}

type certClientCmd struct {
	certOut
	certBy

	Name string `arg:"" help:"Name of the secondary, and of the files."`
	Days int    `env:"-" default:"397" help:"For how many days it is good."`
}

type certPinCmd struct {
	File string `arg:"" help:"Certificate, in PEM."`
}

var (
	errDays    = errors.New("a certificate is good for a day at least, and for a hundred years at most")
	errNoCA    = errors.New("it is no authority")
	errCAShort = errors.New("the authority is good for fewer days than that")
)

// Run makes the authority.
func (c *certCACmd) Run(s *streams) error {
	t, err := template(c.Name, c.Days)
	if err != nil {
		return err
	}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	made, err := c.make("ca", t, nil)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s.pem is for everybody who is to trust it; keep %[1]s.key away from all servers\n", made.file)
	return err
}

// Run makes a server's certificate.
func (c *certServerCmd) Run(s *streams) error {
	by, err := c.open()
	if err != nil {
		return err
	}
	t, err := template(c.Names[0], c.Days)
	if err != nil {
		return err
	}
	if err := named(t, c.Names); err != nil {
		return err
	}
	// It is shown to secondaries that are told by TLS as well, where we are the client.
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	made, err := c.make(c.Names[0], t, by)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s.pem and %[1]s.key, until %s\n", made.file, t.NotAfter.Format(time.DateOnly))
	return err
}

// Run makes a client's certificate.
func (c *certClientCmd) Run(s *streams) error {
	by, err := c.open()
	if err != nil {
		return err
	}
	t, err := template(c.Name, c.Days)
	if err != nil {
		return err
	}
	if err := named(t, []string{c.Name}); err != nil {
		return err
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	made, err := c.make(c.Name, t, by)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.err, "%s.pem and %[1]s.key, until %s; for the peer's client_keys:\n", made.file, t.NotAfter.Format(time.DateOnly))
	if err == nil {
		_, err = fmt.Fprintln(s.out, pin(made.cert))
	}
	return err
}

// Run tells a digest.
func (c *certPinCmd) Run(s *streams) error {
	cert, err := readCert(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, pin(cert))
	return err
}
