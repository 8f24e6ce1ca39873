// AMQP 0-9-1 load on one queue: one publisher and one consumer connection, frames encoded
// beforehand, every body checked. Prints one JSON line. User and password guest, vhost /.
//   -p port       -n messages          -s bytes of a body      -q queue
//   -m 1: transient, auto-ack; 2: persistent, confirms, manual acks
//   -w confirms outstanding at most    -f prefetch             -a ack in ranges
//   -r messages per second: then latency is measured, too
//   -c messages under way at most      -k messages per write at most
//   -A alternate between two publish frames                    -T type of the queue
//   -P process id of the broker: its CPU and peak RSS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
static int port = 5673, size = 100, mode = 1, window = 1000, prefetch = 1000, multi = 0,
           verbose = 0;
static long N = 1000000;
static double rate = 0;
static int bpid = 0;
static char qn[64] = "perfq";
static double cap = 0;
static int kmax = 0, alt = 0;
static char qtype[16] = "";
static volatile long g_recv = 0;
static double t0, t1, tconf;
static u64* lat;
static volatile int abort_ = 0;
static double now() {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static u64 nowns() {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static void die(const char* s) {
  perror(s);
  fprintf(stderr, "FATAL %s\n", s);
  exit(1);
}
static u8* p16(u8* p, u16 v) {
  p[0] = v >> 8;
  p[1] = v;
  return p + 2;
}
static u8* p32(u8* p, u32 v) {
  p[0] = v >> 24;
  p[1] = v >> 16;
  p[2] = v >> 8;
  p[3] = v;
  return p + 4;
}
static u8* p64(u8* p, u64 v) {
  p32(p, v >> 32);
  p32(p + 4, v);
  return p + 8;
}
static u8* ps(u8* p, const char* s) {
  int l = strlen(s);
  *p++ = l;
  memcpy(p, s, l);
  return p + l;
}
static u32 g32(const u8* p) { return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static u16 g16(const u8* p) { return p[0] << 8 | p[1]; }
static u64 g64(const u8* p) { return (u64)g32(p) << 32 | g32(p + 4); }
static void wall(int fd, const u8* b, size_t n) {
  while (n) {
    ssize_t r = write(fd, b, n);
    if (r < 0) {
      if (errno == EINTR) continue;
      die("write");
    }
    b += r;
    n -= r;
  }
}
static void rall(int fd, u8* b, size_t n) {
  while (n) {
    ssize_t r = read(fd, b, n);
    if (r <= 0) die("read");
    b += r;
    n -= r;
  }
}
static u8 fb[1 << 18];
static u8* mbeg(u8* b, int ch, int c, int m) {
  b[0] = 1;
  p16(b + 1, ch);
  p16(b + 7, c);
  p16(b + 9, m);
  return b + 11;
}
static size_t mend(u8* b, u8* e) {
  p32(b + 3, e - b - 7);
  *e++ = 0xCE;
  return e - b;
}
static void waitm(int fd, int c, int m) {
  for (;;) {
    u8 h[7];
    rall(fd, h, 7);
    u32 l = g32(h + 3);
    static __thread u8 pl[1 << 18];
    rall(fd, pl, l + 1);
    if (h[0] == 1 && g16(pl) == c && g16(pl + 2) == m) return;
    if (h[0] == 1 &&
        ((g16(pl) == 10 && g16(pl + 2) == 50) || (g16(pl) == 20 && g16(pl + 2) == 40))) {
      fprintf(stderr, "close %d %.*s\n", g16(pl + 4), pl[6], pl + 7);
      exit(1);
    }
  }
}
static int conn() {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
  if (connect(fd, (void*)&a, sizeof a)) die("connect");
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  wall(fd, (u8*)"AMQP\0\0\x09\x01", 8);
  waitm(fd, 10, 10);
  u8 b[512];
  u8* p = mbeg(b, 0, 10, 11);
  p = p32(p, 0);
  p = ps(p, "PLAIN");
  p = p32(p, 12);
  memcpy(p, "\0guest\0guest", 12);
  p += 12;
  p = ps(p, "en_US");
  wall(fd, b, mend(b, p));
  waitm(fd, 10, 30);
  p = mbeg(b, 0, 10, 31);
  p = p16(p, 2047);
  p = p32(p, 131072);
  p = p16(p, 0);
  wall(fd, b, mend(b, p));
  p = mbeg(b, 0, 10, 40);
  p = ps(p, "/");
  p = ps(p, "");
  *p++ = 0;
  wall(fd, b, mend(b, p));
  waitm(fd, 10, 41);
  p = mbeg(b, 1, 20, 10);
  p = ps(p, "");
  wall(fd, b, mend(b, p));
  waitm(fd, 20, 11);
  p = mbeg(b, 1, 50, 10);
  p = p16(p, 0);
  p = ps(p, qn);
  *p++ = (mode == 2) ? 2 : 0;
  u8* arguments = p;
  p = p32(p, 0);
  if (*qtype) {
    p = ps(p, "x-queue-type");
    *p++ = 'S';
    p = p32(p, strlen(qtype));
    memcpy(p, qtype, strlen(qtype));
    p += strlen(qtype);
    p32(arguments, p - arguments - 4);
  }
  wall(fd, b, mend(b, p));
  waitm(fd, 50, 11);
  return fd;
}
static int cfd, pfd;
static void* consumer(void* _) {
  size_t cap = 1 << 20;
  u8* buf = malloc(cap);
  size_t have = 0;
  u8* ab = malloc(1 << 20);
  long got = 0, acked = 0;
  u64 lasttag = 0;
  prctl(PR_SET_TIMERSLACK, 1);
  while (got < N) {
    ssize_t r = read(cfd, buf + have, cap - have);
    if (r <= 0) die("cread");
    have += r;
    size_t pos = 0;
    u8* ap = ab;
    u64 tn = rate > 0 ? nowns() : 0;
    while (have - pos >= 8) {
      u32 l = g32(buf + pos + 3);
      if (have - pos < l + 8) break;
      u8* f = buf + pos;
      if (f[l + 7] != 0xCE) {
        fprintf(stderr, "bad frame\n");
        exit(1);
      }
      if (f[0] == 1 && f[8] == 60 && f[10] == 60) {
        u8* q = f + 11;
        q += 1 + *q;
        lasttag = g64(q);
        if (mode == 2 && !multi) {
          ap[0] = 1;
          p16(ap + 1, 1);
          p32(ap + 3, 13);
          p32(ap + 7, 60 << 16 | 80);
          p64(ap + 11, lasttag);
          ap[19] = 0;
          ap[20] = 0xCE;
          ap += 21;
          if (ap - ab > (1 << 20) - 64) {
            wall(cfd, ab, ap - ab);
            ap = ab;
          }
        }
      } else if (f[0] == 3) {
        if (l != (u32)size || (size > 16 && (f[6 + l] != 0x78 || f[7 + 16] != 0x78))) {
          fprintf(stderr, "bad body\n");
          exit(1);
        }
        if (rate > 0) {
          u64 ts;
          memcpy(&ts, f + 7, 8);
          lat[got] = tn - ts;
        }
        got++;
      }
      pos += l + 8;
    }
    if (mode == 2 && multi && got - acked >= 1 && (got - acked >= 100 || got >= N)) {
      ap[0] = 1;
      p16(ap + 1, 1);
      p32(ap + 3, 13);
      p32(ap + 7, 60 << 16 | 80);
      p64(ap + 11, lasttag);
      ap[19] = 1;
      ap[20] = 0xCE;
      ap += 21;
      acked = got;
    }
    if (ap > ab) wall(cfd, ab, ap - ab);
    memmove(buf, buf + pos, have - pos);
    have -= pos;
    g_recv = got;
  }
  t1 = now();
  return 0;
}
static u8* msg;
static size_t ml;
static size_t bodyoff;
static u8* confd;
static long nconf = 0, low = 1;
static u8 cb[1 << 16];
static size_t ch_ = 0;
static void confirms(int flags) {
  ssize_t r = recv(pfd, cb + ch_, sizeof cb - ch_, flags);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (r <= 0) die("pread");
  ch_ += r;
  size_t pos = 0;
  while (ch_ - pos >= 8) {
    u32 l = g32(cb + pos + 3);
    if (ch_ - pos < l + 8) break;
    u8* f = cb + pos;
    if (f[0] == 1 && f[8] == 60 && f[10] == 80) {
      u64 t = g64(f + 11);
      if (f[19] & 1) {
        for (long i = low; i <= (long)t; i++)
          if (!confd[i]) {
            confd[i] = 1;
            nconf++;
          }
      } else if (!confd[t]) {
        confd[t] = 1;
        nconf++;
      }
      while (confd[low]) low++;
    }
    pos += l + 8;
  }
  memmove(cb, cb + pos, ch_ - pos);
  ch_ -= pos;
}
static void build() {
  msg = malloc(size + 256 + size / 131000 * 8);
  u8* p = mbeg(msg, 1, 60, 40);
  p = p16(p, 0);
  p = ps(p, "");
  p = ps(p, qn);
  *p++ = 0;
  p = msg + mend(msg, p);
  u8* h = p;
  h[0] = 2;
  p16(h + 1, 1);
  p16(h + 7, 60);
  p16(h + 9, 0);
  p64(h + 11, size);
  p = h + 19;
  if (mode == 2) {
    p = p16(p, 0x1000);
    *p++ = 2;
  } else {
    p = p16(p, 0x1000);
    *p++ = 1;
  }
  p32(h + 3, p - h - 7);
  *p++ = 0xCE;
  p[0] = 3;
  p16(p + 1, 1);
  p32(p + 3, size);
  bodyoff = p + 7 - msg;
  memset(p + 7, 0, size);
  memset(p + 15, 'x', size - 8);
  p += 7 + size;
  *p++ = 0xCE;
  ml = p - msg;
}
static double pcpu(int pid, long* rss) {
  char f[64], b[4096];
  snprintf(f, 64, "/proc/%d/stat", pid);
  FILE* F = fopen(f, "r");
  if (!F) return 0;
  int n = fread(b, 1, 4095, F);
  b[n] = 0;
  fclose(F);
  char* c = strrchr(b, ')');
  unsigned long ut, st;
  long rs;
  sscanf(c + 2,
         "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
         &ut, &st, &rs);
  if (rss) *rss = rs * 4096;
  return (ut + st) / (double)sysconf(_SC_CLK_TCK);
}
static long maxrss = 0;
static void* mon(void* _) {
  while (!abort_) {
    long r;
    pcpu(bpid, &r);
    if (r > maxrss) maxrss = r;
    usleep(50000);
  }
  return 0;
}
static int cmp(const void* a, const void* b) {
  u64 x = *(u64*)a, y = *(u64*)b;
  return x < y ? -1 : x > y;
}
int main(int c, char** v) {
  int o;
  while ((o = getopt(c, v, "p:n:s:m:r:w:f:aP:q:vc:k:AT:")) != -1) switch (o) {
      case 'p':
        port = atoi(optarg);
        break;
      case 'n':
        N = atol(optarg);
        break;
      case 's':
        size = atoi(optarg);
        break;
      case 'm':
        mode = atoi(optarg);
        break;
      case 'r':
        rate = atof(optarg);
        break;
      case 'w':
        window = atoi(optarg);
        break;
      case 'f':
        prefetch = atoi(optarg);
        break;
      case 'a':
        multi = 1;
        break;
      case 'P':
        bpid = atoi(optarg);
        break;
      case 'q':
        snprintf(qn, 64, "%s", optarg);
        break;
      case 'c':
        cap = atof(optarg);
        break;
      case 'k':
        kmax = atoi(optarg);
        break;
      case 'A':
        alt = 1;
        break;
      case 'T':
        snprintf(qtype, 16, "%s", optarg);
        break;
    }
  if (!strcmp(qn, "perfq") && mode == 2) strcpy(qn, "perfqd");
  build();
  lat = calloc(N, 8);
  confd = calloc(N + 2, 1);
  cfd = conn();
  pfd = conn();
  u8 b[512], *p;
  p = mbeg(b, 1, 50, 30);
  p = p16(p, 0);
  p = ps(p, qn);
  *p++ = 0;
  wall(cfd, b, mend(b, p));
  waitm(cfd, 50, 31);
  if (mode == 2) {
    p = mbeg(b, 1, 60, 10);
    p = p32(p, 0);
    p = p16(p, prefetch);
    *p++ = 0;
    wall(cfd, b, mend(b, p));
    waitm(cfd, 60, 11);
    p = mbeg(b, 1, 85, 10);
    *p++ = 0;
    wall(pfd, b, mend(b, p));
    waitm(pfd, 85, 11);
  }
  p = mbeg(b, 1, 60, 20);
  p = p16(p, 0);
  p = ps(p, qn);
  p = ps(p, "ctag1");
  *p++ = (mode == 1) ? 2 : 0;
  p = p32(p, 0);
  wall(cfd, b, mend(b, p));
  waitm(cfd, 60, 21);
  pthread_t ct, mt;
  double c0 = 0;
  if (bpid) {
    c0 = pcpu(bpid, 0);
    pthread_create(&mt, 0, mon, 0);
  }
  struct rusage r0, r1;
  getrusage(RUSAGE_SELF, &r0);
  t0 = now();
  pthread_create(&ct, 0, consumer, 0);
  double maxlag = 0;
  if (rate > 0) {
    prctl(PR_SET_TIMERSLACK, 1);
    u64 st = nowns();
    u8* bb = malloc(ml * 2048);
    for (long i = 0; i < N;) {
      u64 n = nowns();
      long due = (long)((n - st) * 1e-9 * rate) + 1;
      if (due > N) due = N;
      if (due <= i) {
        u64 tgt = st + (u64)(i / rate * 1e9);
        struct timespec ts = {tgt / 1000000000ull, tgt % 1000000000ull};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, 0);
        continue;
      }
      long k = due - i;
      if (k > 2048) k = 2048;
      double lag = (n - st) * 1e-9 - i / rate;
      if (lag > maxlag) maxlag = lag;
      for (long j = 0; j < k; j++) {
        memcpy(bb + j * ml, msg, ml);
        u64 t = nowns();
        memcpy(bb + j * ml + bodyoff, &t, 8);
      }
      wall(pfd, bb, k * ml);
      i += k;
      if (mode == 2) confirms(MSG_DONTWAIT);
    }
  } else {
    int B = mode == 1 ? (262144 / ml) : (int)window;
    if (B < 1) B = 1;
    u8* bb = malloc(B * ml);
    for (int i = 0; i < B; i++) {
      memcpy(bb + i * ml, msg, ml);
      if (alt && (i & 1)) bb[i * ml + 15 + strlen(qn)] = 1;
    }
    long sent = 0;
    while (sent < N) {
      long k = B;
      if (mode == 2) {
        long can = window - (sent - nconf);
        if (can <= 0) {
          confirms(0);
          continue;
        }
        if (k > can) k = can;
      } else if (cap > 0) {
        while (sent - g_recv > cap) usleep(200);
      }
      if (kmax && k > kmax) k = kmax;
      if (k > N - sent) k = N - sent;
      wall(pfd, bb, k * ml);
      sent += k;
      if (mode == 2) confirms(MSG_DONTWAIT);
    }
  }
  double tp = now();
  if (mode == 2) {
    while (nconf < N) confirms(0);
    tconf = now();
  }
  pthread_join(ct, 0);
  double te = t1 > tconf ? t1 : tconf;
  if (bpid) {
    abort_ = 1;
    pthread_join(mt, 0);
  }
  getrusage(RUSAGE_SELF, &r1);
  double gc =
      (r1.ru_utime.tv_sec + r1.ru_stime.tv_sec - r0.ru_utime.tv_sec - r0.ru_stime.tv_sec) +
      (r1.ru_utime.tv_usec + r1.ru_stime.tv_usec - r0.ru_utime.tv_usec - r0.ru_stime.tv_usec) *
          1e-6;
  double el = te - t0;
  double bc = bpid ? pcpu(bpid, 0) - c0 : 0;
  printf(
      "{\"n\":%ld,\"size\":%d,\"mode\":%d,\"el\":%.3f,\"rate\":%.0f,\"pubrate\":%.0f,\"bcpu\":%.2f,"
      "\"bus\":%.2f,\"rssMB\":%.0f,\"gcpu\":%.2f",
      N, size, mode, el, N / el, N / (tp - t0), bc, bc / N * 1e6, maxrss / 1048576.0, gc);
  if (rate > 0) {
    long sk = N / 10;
    u64* L = lat + sk;
    long n = N - sk;
    qsort(L, n, 8, cmp);
    printf(",\"p50us\":%.1f,\"p99us\":%.1f,\"p999us\":%.1f,\"maxus\":%.1f,\"maxlagus\":%.1f",
           L[n / 2] / 1e3, L[(long)(n * .99)] / 1e3, L[(long)(n * .999)] / 1e3, L[n - 1] / 1e3,
           maxlag * 1e6);
  }
  printf("}\n");
  return 0;
}
