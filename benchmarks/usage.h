// What load generators ask of the system: the time, and what they and the broker have used.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

// The broker's processor seconds, and its resident bytes.
static double usage(int broker, long *rss) {
  char name[64], text[1024];
  unsigned long user = 0, system = 0;
  long pages = 0;
  snprintf(name, sizeof name, "/proc/%d/stat", broker);
  FILE *file = fopen(name, "r");
  if (!file) return 0;
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  char *rest = strrchr(text, ')');
  if (rest)
    sscanf(rest + 2,
           "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
           &user, &system, &pages);
  *rss = pages * sysconf(_SC_PAGESIZE);
  return (double)(user + system) / sysconf(_SC_CLK_TCK);
}

static double own_usage(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
