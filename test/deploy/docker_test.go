package deploy_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// noRegistry knows every image, and nothing of any: what is checked is the file, not the images that it builds upon.
type noRegistry struct{ asked []string }

func (r *noRegistry) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	r.asked = append(r.asked, ref)
	raw, err := json.Marshal(ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}})
	return ref, digest.FromBytes(raw), raw, err
}

// The Dockerfile passes the build checks of BuildKit, and copies only what is there.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	const file = "../../deploy/Dockerfile"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", raw)
	source.Definition = &llb.Definition{}
	images := &noRegistry{}
	result, err := dockerfile2llb.DockerfileLint(t.Context(), raw, dockerfile2llb.ConvertOpt{
		SourceMap: source, MetaResolver: images,
		TargetPlatform: &ocispecs.Platform{OS: "linux", Architecture: "amd64"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Error != nil {
		t.Fatalf("it cannot be built: %s", result.Error.Message)
	}
	for _, w := range result.Warnings {
		t.Errorf("%s: %s (%s)", w.RuleName, w.Detail, w.URL)
	}
	slices.Sort(images.asked)
	if images.asked = slices.Compact(images.asked); len(images.asked) != 3 { // a misspelt stage is one more
		t.Errorf("its images are %q", images.asked)
	}
	stage := ""
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) > 3 && f[0] == "FROM" {
			stage = f[1]
		}
		if len(f) < 3 || f[0] != "COPY" || strings.HasPrefix(f[1], "--from") {
			continue
		}
		for _, from := range f[1 : len(f)-1] {
			if _, err := os.Stat(filepath.Join("../..", from)); err != nil {
				t.Errorf("stage %s copies %s: %v", stage, from, err)
			}
		}
	}
}
