package socket

import (
	"context"
	"encoding/json"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// maxTold bounds how much of somebody else's error text is passed on.
const maxTold = 16 << 10

// decodeResponse takes an answer apart. Failures inside the answer keep the texts people know.
func (r *remote) decodeResponse(out *api.MountResponse) (provider.Response, error) {
	if code := out.GetError().GetCode(); code != "" {
		return provider.Response{}, fault.New(fault.Internal, r.subject(), "mount request failed with provider error code %s", fault.Bound(code, maxTold)).
			Mend("look the code up in the log of provider %s on this node", r.name)
	}
	versions := decodeVersions(out.GetObjectVersion())
	if len(versions) == 0 {
		return provider.Response{}, fault.New(fault.Unavailable, r.subject(), "missing object versions").
			Mend("see that the class names at least one object; otherwise report it to the makers of provider %s", r.name)
	}
	return provider.Response{Files: decodeFiles(out.GetFiles()), Versions: versions}, nil
}

// decodeFiles takes the last of several files of one path, as every driver does: there are providers that send them.
func decodeFiles(list []*api.File) []secret.File {
	var files []secret.File
	at := make(map[string]int, len(list))
	for _, f := range list {
		file := secret.File{
			Path:     f.GetPath(),
			Mode:     fs.FileMode(uint32(f.GetMode())).Perm(), // whatever else a provider sets is not for it to decide
			Contents: secret.NewValue(f.GetContents()),
		}
		if i, again := at[file.Path]; again {
			files[i] = file
			continue
		}
		at[file.Path] = len(files)
		files = append(files, file)
	}
	return files
}

// failed makes a fault of a failed call: from the trailer where the provider says its kind, else from the code.
func (r *remote) failed(ctx context.Context, path string, err error, trailer metadata.MD) error {
	st := status.Convert(err)
	said := fault.Bound(st.Message(), maxTold)
	if kind := trailer.Get(trailerKind); len(kind) > 0 {
		f := fault.New(fault.ParseKind(kind[0]), r.subject(), "%s", said)
		f.RetryAfter = decodeRetryAfter(trailer)
		return f
	}
	switch {
	case ctx.Err() != nil:
		return fault.Wrap(ctx.Err(), fault.Unavailable, r.subject(), "has not answered on %s in time", path).
			Mend("read the log of provider %s on this node", r.name)
	case st.Code() == codes.ResourceExhausted && strings.Contains(said, "larger than max"):
		return fault.New(fault.Invalid, r.subject(), "answered with more than the %d bytes the driver takes (%s)", r.dir.cfg.MaxRecv, said).
			Mend("split the class in two, or raise the driver's flag --max-call-recv-msg-size")
	case kindOf(st.Code()) == fault.Unavailable:
		return fault.New(fault.Unavailable, r.subject(), "gave no answer on %s: %s", path, said).
			Mend("see that the pod of provider %s runs on this node, and read its log", r.name)
	default:
		return fault.New(kindOf(st.Code()), r.subject(), "%s", said)
	}
}

func decodeRetryAfter(trailer metadata.MD) time.Duration {
	if stated := trailer.Get(trailerRetryAfter); len(stated) > 0 {
		if ms, err := strconv.ParseInt(stated[0], 10, 32); err == nil && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// decodeReport is the zero Report when there is none, or nonsense. All that depends on it is when to ask again, for which
// an age below zero would mean: not for as long as that.
func decodeReport(trailer metadata.MD) provider.Report {
	var report provider.Report
	if stated := trailer.Get(trailerReport); len(stated) > 0 {
		if err := json.Unmarshal([]byte(stated[0]), &report); err != nil {
			return provider.Report{}
		}
	}
	report.Age = max(report.Age, 0)
	for i := range report.Objects {
		report.Objects[i].Age = max(report.Objects[i].Age, 0)
	}
	return report
}
