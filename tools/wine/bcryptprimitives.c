/* What Go's runtime and Wine 8 lack of each other: the DLL that the runtime takes its random bytes from, which Wine 9 has.
 *
 * Being in every process of a Go program from its first moment, it also mends a word of Wine's. Go removes files by a way
 * that came with Windows 10, and falls back on the older one where the system says that it does not know that way. Wine 8
 * knows it as little and says so in other words, which Go takes for a failure.
 *
 * And a directory that is removed that way loses its symbolic links first. They are the host's (see internal/volume), and
 * Wine, which shows some of them as files and others not at all, cannot. The volume's own last step, a plain removal of an
 * empty directory, is not helped. */
#include <windows.h>
#include <winternl.h>

#define DISPOSITION_EX 64
#define INVALID_INFO_CLASS ((NTSTATUS)0xC0000003)

BOOLEAN NTAPI SystemFunction036(PVOID data, ULONG size);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
  return SystemFunction036(data, (ULONG)size);
}

typedef NTSTATUS(NTAPI *set_information)(HANDLE, IO_STATUS_BLOCK *, PVOID, ULONG, ULONG);
static set_information original;

static long host(long number, const void *a, const void *b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
enum { HOST_CLOSE = 3, HOST_OPEN = 2, HOST_GETDENTS = 217, HOST_UNLINK = 87, LINK = 10 };

/* host_path turns \\?\C:\a\b into <prefix>/dosdevices/c:/a/b. */
static int host_path(HANDLE file, char *path, int size) {
  char name[1024];
  DWORD n = GetFinalPathNameByHandleA(file, name, sizeof name, 0), prefix = GetEnvironmentVariableA("WINEPREFIX", path, size);
  DWORD i, at;
  if (n < 6 || n >= sizeof name || !prefix || prefix + n + 12 > (DWORD)size) return 0;
  at = prefix;
  for (i = 0; i < 11; i++) path[at++] = "/dosdevices/"[i];
  path[at++] = '/';
  path[at++] = name[4] | 0x20;
  for (i = 5; i < n; i++) path[at++] = name[i] == '\\' ? '/' : name[i];
  path[at] = 0;
  return at;
}

static void drop_links(HANDLE dir) {
  static const int room = 8192;
  char *path = HeapAlloc(GetProcessHeap(), 0, 4096), *entries = HeapAlloc(GetProcessHeap(), 0, room);
  int length = path && entries ? host_path(dir, path, 2048) : 0, i;
  long fd = length ? host(HOST_OPEN, path, (void *)0200000 /* a directory */, 0) : -1, n, at;
  while (fd >= 0 && (n = host(HOST_GETDENTS, (void *)(LONG_PTR)fd, entries, room)) > 0)
    for (at = 0; at < n; at += *(unsigned short *)(entries + at + 16)) {
      if (entries[at + 18] != LINK) continue;
      path[length] = '/';
      for (i = 0; i < 256 && (path[length + 1 + i] = entries[at + 19 + i]); i++) {}
      host(HOST_UNLINK, path, 0, 0);
    }
  if (fd >= 0) host(HOST_CLOSE, (void *)(LONG_PTR)fd, 0, 0);
  if (path) HeapFree(GetProcessHeap(), 0, path);
  if (entries) HeapFree(GetProcessHeap(), 0, entries);
}

static NTSTATUS NTAPI mended(HANDLE file, IO_STATUS_BLOCK *status, PVOID data, ULONG size, ULONG class) {
  if (class == DISPOSITION_EX) {
    drop_links(file);
    return INVALID_INFO_CLASS;
  }
  return original(file, status, data, size, class);
}

/* An entry of ntdll is 32 bytes that may stand anywhere: it loads a number and calls by an absolute address. */
static BOOL mend(void) {
  BYTE *entry = (BYTE *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtSetInformationFile");
  BYTE *copy = VirtualAlloc(NULL, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
  DWORD before;
  int i;
  if (!entry || !copy || entry[0] != 0x4c || entry[1] != 0x8b || entry[2] != 0xd1 || entry[3] != 0xb8) return FALSE;
  for (i = 0; i < 32; i++) copy[i] = entry[i];
  original = (set_information)copy;
  if (!VirtualProtect(entry, 32, PAGE_EXECUTE_READWRITE, &before)) return FALSE;
  entry[0] = 0x48, entry[1] = 0xb8; /* mov rax, mended; jmp rax */
  for (i = 0; i < 8; i++) entry[2 + i] = (BYTE)((ULONG_PTR)mended >> (8 * i));
  entry[10] = 0xff, entry[11] = 0xe0;
  return VirtualProtect(entry, 32, before, &before);
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {
  return reason != DLL_PROCESS_ATTACH || mend();
}
