package deploy_test

import (
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// secrets stand in for what a user has to choose.
var secrets = []string{"POSTGRES_PASSWORD=secret", "HEADWATER_SECRET_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}

func load(t *testing.T, file string, env ...string) (*types.Project, error) {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(env), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

// The loader of Docker Compose holds each file against the schema and resolves it; what it cannot know is checked here.
func TestCompose(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/compose/*.yaml")
	if err != nil || len(files) != 2 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		p, err := load(t, file, secrets...)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		published := map[string]string{}
		for name, s := range p.Services {
			if name == "database" {
				if len(s.Ports) > 0 {
					t.Errorf("%s: the database is published", file)
				}
				continue
			}
			if !s.ReadOnly || len(s.CapDrop) == 0 || s.MemLimit == 0 || s.Restart == "" {
				t.Errorf("%s: %s may write to its root, keeps capabilities, has no limit of memory or stays down", file, name)
			}
			for _, port := range s.Ports {
				at := port.HostIP + " " + port.Published + " " + port.Protocol
				if other := published[at]; other != "" {
					t.Errorf("%s: %s and %s publish %s", file, other, name, at)
				}
				published[at] = name
				if port.Target == 8053 && port.HostIP != "127.0.0.1" {
					t.Errorf("%s: %s offers the API without TLS to others", file, name)
				}
			}
		}
		if len(published) < 3 {
			t.Errorf("%s publishes %v", file, published)
		}
	}
}

// Without its secrets the cluster does not start with made-up ones.
func TestComposeWantsSecrets(t *testing.T) {
	t.Parallel()
	for i := range secrets {
		if _, err := load(t, "../../deploy/compose/cluster.yaml", secrets[i]); err == nil {
			t.Errorf("it loads with %s alone", secrets[i])
		}
	}
}
