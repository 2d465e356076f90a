package zone

// DecodeUnsummed is Decode for a fuzzer that cannot guess checksums.
func DecodeUnsummed(b []byte) (*Version, error) {
	if len(b) < len(imageMagic)+1+imageTrailer {
		return nil, ErrCodec
	}
	return decodeBody(b[len(imageMagic) : len(b)-imageTrailer])
}
