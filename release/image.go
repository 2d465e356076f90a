package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is the user that the image runs as.
const nonroot = 65532

// zipped is gzip's form of a text, without a time.
func zipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// image makes an archive in OCI's layout with an image for each Linux platform. It has the program, root certificates, a user
// without rights, and a folder for data; nothing that could be run beside it. Settings are those of deploy/Dockerfile.
func (r *release) image(context.Context) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for i := range r.targets {
		t := &r.targets[i]
		if t.os != "linux" {
			continue
		}
		img, err := r.platformImage(t)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: t.os, Architecture: t.arch},
			Annotations: map[string]string{"org.opencontainers.image.ref.name": r.version},
		}})
	}
	dir, err := os.MkdirTemp("", "headwater-image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := layout.Write(dir, index); err != nil {
		return err
	}
	return r.tarOf(dir, filepath.Join(r.out, r.prefix()+"-oci.tar"))
}

func (r *release) platformImage(t *target) (v1.Image, error) {
	program, err := os.ReadFile(t.program)
	if err != nil {
		return nil, err
	}
	var roots bytes.Buffer
	for root := range bundle.Roots() {
		if err := pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	files := []file{
		{"etc/passwd", []byte("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/data:/sbin/nologin\n"), 0o644},
		{"etc/group", []byte("root:x:0:\nnonroot:x:65532:\n"), 0o644},
		{"etc/ssl/certs/ca-certificates.crt", roots.Bytes(), 0o644},
		{"headwater", program, 0o755},
	}
	for _, f := range r.shared {
		if f.name == "LICENSE" || f.name == "THIRD-PARTY-NOTICES" {
			files = append(files, file{"usr/share/doc/headwater/" + f.name, f.data, 0o644})
		}
	}
	system, err := r.layer(files)
	if err != nil {
		return nil, err
	}
	data, err := r.dataLayer()
	if err != nil {
		return nil, err
	}
	base := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	img, err := mutate.AppendLayers(base, system, data)
	if err != nil {
		return nil, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, r.config(c, t))
}

// config is the image's: of its layers, which are known, and how it runs.
func (r *release) config(layers *v1.ConfigFile, t *target) *v1.ConfigFile {
	c := layers.DeepCopy()
	c.OS, c.Architecture, c.Created = t.os, t.arch, v1.Time{Time: r.when}
	c.Config = v1.Config{
		User:         "65532:65532",
		Entrypoint:   []string{"/headwater"},
		Cmd:          []string{"serve"},
		WorkingDir:   "/data",
		Env:          []string{"HEADWATER_DATA=/data", "HEADWATER_DNS_LISTEN=0.0.0.0:5300", "HEADWATER_HTTP_LISTEN=0.0.0.0:8053", "HEADWATER_LOG_FORMAT=json"},
		Volumes:      map[string]struct{}{"/data": {}},
		ExposedPorts: map[string]struct{}{"5300/udp": {}, "5300/tcp": {}, "8053/tcp": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title": "headwater", "org.opencontainers.image.version": r.version, "org.opencontainers.image.revision": r.commit,
			"org.opencontainers.image.source": "https://github.com/headwaterdns/headwater", "org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return c
}

func (r *release) layer(files []file) (v1.Layer, error) {
	var b bytes.Buffer
	if err := writeTar(&b, files, r.when); err != nil {
		return nil, err
	}
	return layerOf(b.Bytes())
}

// dataLayer has the folder that a new volume takes its owner from.
func (r *release) dataLayer() (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "data/", Mode: 0o700, Uid: nonroot, Gid: nonroot, ModTime: r.when, Format: tar.FormatPAX})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	return layerOf(b.Bytes())
}

func layerOf(tarred []byte) (v1.Layer, error) {
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tarred)), nil },
		tarball.WithMediaType(types.OCILayer))
}

// tarOf writes a folder as an archive.
func (r *release) tarOf(dir, to string) error {
	var files []file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		files = append(files, file{filepath.ToSlash(name), b, 0o644})
		return err
	})
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := writeTar(out, files, r.when); err != nil {
		return err
	}
	return out.Close()
}
