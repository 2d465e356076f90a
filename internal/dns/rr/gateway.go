package rr

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
)

// readEndpoint reads an address or name of a kind that IPSECKEY and AMTRELAY share; a dot stands for none.
func readEndpoint(dst []byte, s *scanner, kind byte) ([]byte, error) {
	switch kind {
	case 0:
		if f, err := s.want(); err != nil || f != "." {
			return nil, fmt.Errorf("%w: a dot is wanted where there is no address", ErrSyntax)
		}
		return dst, nil
	case 1:
		return readAddress(dst, s)
	case 2:
		return readAddress6(dst, s)
	case 3:
		return readName(dst, s)
	}
	return nil, fmt.Errorf("%w: %d is no kind of address", ErrSyntax, kind)
}

func writeEndpoint(dst []byte, kind byte, part []byte) []byte {
	switch kind {
	case 0:
		return append(dst, '.')
	case 3:
		return writeName(dst, nil, part)
	default:
		return writeAddress(dst, nil, part)
	}
}

// readGateway reads gateway and key of an IPSECKEY (RFC 4025 section 3.1), whose first three octets dst has.
func readGateway(dst []byte, s *scanner) ([]byte, error) {
	dst, err := readEndpoint(dst, s, dst[1])
	if err != nil {
		return nil, err
	}
	return readBase64(dst, s)
}

func writeGateway(dst, head, part []byte) []byte {
	n, _ := endpointLen(head[1], part)
	dst = writeEndpoint(dst, head[1], part[:n])
	if n == len(part) {
		return dst // a record without a key
	}
	return writeBase64(append(dst, ' '), nil, part[n:])
}

// readRelay reads what an AMTRELAY has behind its precedence: a flag, the kind of relay, and the relay (RFC 8777 section 4.3).
func readRelay(dst []byte, s *scanner) ([]byte, error) {
	flag, err := s.want()
	if err != nil {
		return nil, err
	}
	f, err := s.want()
	kind, bad := strconv.ParseUint(f, 10, 7)
	if err != nil || bad != nil || flag != "0" && flag != "1" {
		return nil, fmt.Errorf("%w: a flag of 0 or 1 and the kind of relay are wanted", ErrSyntax)
	}
	octet := byte(kind)
	if flag == "1" {
		octet |= 0x80
	}
	return readEndpoint(append(dst, octet), s, byte(kind))
}

func writeRelay(dst, _, part []byte) []byte {
	dst = append(dst, '0'+part[0]>>7, ' ')
	dst = strconv.AppendUint(dst, uint64(part[0]&0x7f), 10)
	return writeEndpoint(append(dst, ' '), part[0]&0x7f, part[1:])
}

// sizeIdentity: a HIP has two lengths, an algorithm, and more.
func sizeIdentity(data []byte) (int, error) {
	if len(data) <= 4 {
		return 0, errShort
	}
	return len(data), nil
}

// readIdentity reads a HIP (RFC 8005 section 6): algorithm, tag in hexadecimal, key in base64, and names of servers.
func readIdentity(dst []byte, s *scanner) ([]byte, error) {
	var f [3]string
	for i := range f {
		var err error
		if f[i], err = s.want(); err != nil {
			return nil, err
		}
	}
	algorithm, err := strconv.ParseUint(f[0], 10, 8)
	tag, badTag := hex.DecodeString(f[1])
	key, badKey := base64.StdEncoding.Strict().DecodeString(f[2])
	if err != nil || badTag != nil || badKey != nil || len(tag) > 255 || len(key) > maxRData {
		return nil, fmt.Errorf("%w: a number, a tag in hexadecimal and a key in base64 are wanted", ErrSyntax)
	}
	dst = append(dst, byte(len(tag)), byte(algorithm))
	dst = append(append(appendNumber(dst, uint64(len(key)), 2), tag...), key...)
	for s.more() {
		if dst, err = readName(dst, s); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func writeIdentity(dst, _, part []byte) []byte {
	tag := 4 + int(part[0])
	key := tag + int(numberOf(part[2:4]))
	dst = append(strconv.AppendUint(dst, uint64(part[1]), 10), ' ')
	dst = append(writeUpper(dst, nil, part[4:tag]), ' ')
	dst = writeBase64(dst, nil, part[tag:key])
	for servers := part[key:]; len(servers) > 0; {
		n, _ := nameLen(servers)
		dst = writeName(append(dst, ' '), nil, servers[:n])
		servers = servers[n:]
	}
	return dst
}
