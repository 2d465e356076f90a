//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// certificate writes a certificate and its key for everybody who offers transfers over TLS, once for a run. Nobody verifies it.
func (b *bench) certificate() (cert, key string, err error) {
	cert, key = filepath.Join(b.dir, "tls.pem"), filepath.Join(b.dir, "tls.key")
	if _, err := os.Stat(key); err == nil {
		return cert, key, nil
	}
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	now := time.Now()
	of := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{zoneName}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(240 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &secret.PublicKey, secret)
	if err != nil {
		return "", "", err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return "", "", err
	}
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return "", "", err
	}
	return cert, key, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600)
}

// transferTLS fetches the zone over TLS (RFC 9103), from before the connection until the closing SOA has been read, by the same client
// from all.
func (b *bench) transferTLS(ctx context.Context, c *contestant) ([]float64, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	// Nobody is to be trusted here: what is compared is the work of those who encrypt.
	d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"dot"}, InsecureSkipVerify: true}}
	conn, err := d.DialContext(ctx, "tcp", c.tls.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(requestAXFR(nil)); err != nil {
		return nil, err
	}
	var in incoming
	r, msg := bufio.NewReaderSize(conn, 256<<10), make([]byte, wire.MaxMessage)
	for !in.ended {
		_, err := io.ReadFull(r, msg[:2])
		n := int(binary.BigEndian.Uint16(msg))
		if err == nil {
			_, err = io.ReadFull(r, msg[:n])
		}
		if err == nil {
			err = b.message(&in, c, msg[:n])
		}
		if err != nil {
			return nil, fmt.Errorf("after %d records: %w", in.got, err)
		}
	}
	return []float64{time.Since(begin).Seconds()}, nil
}
