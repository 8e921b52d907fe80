/* memguest: the whole user space of a lab guest (it is PID 1).
 *
 * It keeps a "hot" region that it rewrites at a given rate and a "cold" region that it never touches again, verifies
 * both byte for byte, and says on the first serial port that it is alive. Commands come in on the second port.
 *
 * Lines out (numbers in hex; a line ends with an XOR byte and a dot, because a migration can cut one in two):
 *   G hot cold workers            the program has started; memory is being filled
 *   R                             memory is filled, work begins
 *   H seq ms pages passes bad     heartbeat
 *   V id checked bad              answer to V: one full pass that began after the request
 *   L rate whole                  answer to L and W: the load now in force
 *   B region page expected found  a bad page (each is reported once, the first 32 of them)
 *   M mib                         answer to M: so much is held now
 * Lines in: "V id", "L pages_per_s", "P busy_ms calm_ms", "W 0|1", "C region page" (corrupts one byte, to try the
 * verifier), "M mib" (holds so much memory more, which nobody else can have then; 0 gives it back), "X 0|1" (switches
 * itself off, or boots again).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define PAGE_WORDS (PAGE_BYTES / 8u)
#define SLICE_MS 5 /* of one that writes much, unless it is told another one: each costs the machine something */
#define CALM_SLICE_NS 25000000LL /* of a worker that writes little: a guest that sleeps costs the machine less */
#define CALM_PAGES_PER_S 2000u    /* 50 of them in a slice */
#define IDLE_SLICE_NS 100000000LL /* of one that writes nothing */
#define BEAT_MS 50
#define BACKGROUND_NS 250000LL /* verifying in the background may take this much of each slice */
#define MAX_DEBT_NS 100000000LL
#define MAX_WORKERS 16
#define BAD_LINES 32
#define WHOLE_BIT 0x80000000u /* in an expected sequence: the page was last written whole */
#define COLD_SALT 0x5eedc01dc01d5eedULL

struct region {
    const char *name;
    uint64_t *words;
    uint32_t *expected; /* NULL: never rewritten */
    uint8_t *known_bad;
    uint64_t pages;
    uint64_t salt;
};

struct worker {
    pthread_t thread;
    unsigned index;
    uint64_t first, count;           /* its part of the hot region */
    uint64_t cold_first, cold_count; /* its part of the cold region */
    uint64_t stride, position;
    uint64_t verify_next; /* page of the running pass, hot first, then cold */
    uint64_t verify_passes_done;
    uint64_t request_seen;
    atomic_ullong request_done;
    atomic_ullong request_checked;
    atomic_ullong passes;
    atomic_ullong written;
};

static struct region hot = {.name = "hot", .salt = 0x9e3779b97f4a7c15ULL};
static struct region cold = {.name = "cold", .salt = COLD_SALT};
static struct worker workers[MAX_WORKERS];
static unsigned worker_count = 1;
static atomic_ullong rate_pages_per_s, busy_ms, calm_ms, verify_request, bad_pages;
static atomic_uint whole_pages, corrupt_pending;
static atomic_ullong corrupt_page;
static int64_t busy_slice_ns;
static uint64_t steps_per_page; /* what is reckoned for each page: a program that is held up by its processor */
static int out_fd = -1;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until_ns(int64_t when_ns)
{
    struct timespec t = {.tv_sec = when_ns / 1000000000LL, .tv_nsec = when_ns % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void say(const char *format, ...)
{
    char line[160];
    unsigned check = 0;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 8, format, args);
    va_end(args);
    for (int i = 0; i < length; i++)
        check ^= (unsigned char)line[i];
    length += snprintf(line + length, 8, " %02x.\n", check);
    pthread_mutex_lock(&out_lock);
    for (int done = 0; done < length;) {
        ssize_t n = write(out_fd, line + done, (size_t)(length - done));
        if (n <= 0 && errno != EINTR)
            break;
        if (n > 0)
            done += (int)n;
    }
    pthread_mutex_unlock(&out_lock);
}

static uint64_t mix(uint64_t page, uint64_t seq, uint64_t salt)
{
    uint64_t z = salt + page * 0xbf58476d1ce4e5b9ULL + seq * 0x94d049bb133111ebULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) | 1u;
}

static inline uint64_t step(uint64_t x)
{
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ (x << 17);
}

static void fill_page(const struct region *r, uint64_t page, uint32_t seq)
{
    uint64_t *w = r->words + page * PAGE_WORDS, x = mix(page, seq, r->salt);
    for (unsigned i = 0; i < PAGE_WORDS; i++)
        w[i] = x = step(x);
}

static void mark_page(const struct region *r, uint64_t page, uint32_t seq)
{
    uint64_t *w = r->words + page * PAGE_WORDS;
    w[0] = page;
    w[1] = seq;
    w[2] = mix(page, seq, ~r->salt);
    w[PAGE_WORDS - 1] = w[2] ^ page;
}

static void report_bad(const struct region *r, uint64_t page, uint64_t expected, uint64_t found)
{
    if (r->known_bad[page])
        return;
    r->known_bad[page] = 1;
    if (atomic_fetch_add(&bad_pages, 1) < BAD_LINES)
        say("B %s %llx %llx %llx", r->name, (unsigned long long)page, (unsigned long long)expected,
            (unsigned long long)found);
}

/* Every byte counts: a sparse page is its first fill with four words over it. */
static void verify_page(const struct region *r, uint64_t page)
{
    const uint64_t *w = r->words + page * PAGE_WORDS;
    uint32_t tagged = r->expected ? r->expected[page] : 0, seq = tagged & ~WHOLE_BIT;
    int sparse = seq != 0 && !(tagged & WHOLE_BIT);
    uint64_t x = mix(page, sparse ? 0 : seq, r->salt);
    for (unsigned i = 0; i < PAGE_WORDS; i++) {
        uint64_t want = x = step(x);
        if (sparse && (i < 3 || i == PAGE_WORDS - 1)) {
            uint64_t sum = mix(page, seq, ~r->salt);
            want = i == 0 ? page : i == 1 ? seq : i == 2 ? sum : sum ^ page;
        }
        if (w[i] != want) {
            report_bad(r, page, want, w[i]);
            return;
        }
    }
}

static void write_page(uint64_t page)
{
    uint32_t old = hot.expected[page], seq = (old & ~WHOLE_BIT) + 1;
    unsigned whole = atomic_load_explicit(&whole_pages, memory_order_relaxed);
    if (whole) {
        fill_page(&hot, page, seq);
        hot.expected[page] = seq | WHOLE_BIT;
        return;
    }
    if (old & WHOLE_BIT) /* whole pages were switched off: a sparse page stands on its first fill */
        fill_page(&hot, page, 0);
    mark_page(&hot, page, seq);
    hot.expected[page] = seq;
}

static void reckon(uint64_t steps)
{
    volatile uint64_t result;
    uint64_t x = 1;
    while (steps--)
        x = step(x);
    result = x;
    (void)result;
}

static void verify_some(struct worker *w, int64_t until_ns)
{
    uint64_t total = w->count + w->cold_count;
    while (total) {
        uint64_t request = atomic_load(&verify_request);
        if (request != w->request_seen) {
            w->request_seen = request;
            w->verify_next = 0;
        }
        for (unsigned i = 0; i < 8 && w->verify_next < total; i++, w->verify_next++) {
            if (w->verify_next < w->count)
                verify_page(&hot, w->first + w->verify_next);
            else
                verify_page(&cold, w->cold_first + w->verify_next - w->count);
        }
        if (w->verify_next >= total) {
            w->verify_next = 0;
            atomic_fetch_add(&w->passes, 1);
            atomic_store(&w->request_checked, total);
            atomic_store(&w->request_done, w->request_seen);
            return;
        }
        if (now_ns() >= until_ns)
            return;
    }
}

static uint64_t coprime_stride(uint64_t n)
{
    uint64_t stride = n * 618 / 1000 | 1u;
    for (;; stride++) {
        uint64_t a = stride, b = n;
        while (b) {
            uint64_t t = a % b;
            a = b;
            b = t;
        }
        if (a == 1)
            return stride % n;
    }
}

static int is_busy(int64_t since_start_ns)
{
    uint64_t busy = atomic_load(&busy_ms), calm = atomic_load(&calm_ms);
    return !busy || !calm || (uint64_t)(since_start_ns / 1000000) % (busy + calm) < busy;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    int64_t start_ns = now_ns(), slice_ns = start_ns, paid_ns = start_ns;
    uint64_t last_rate = 0;
    double credit = 0;
    for (;;) {
        uint64_t asked_rate = atomic_load(&rate_pages_per_s);
        int64_t calm_ns = asked_rate ? CALM_SLICE_NS : IDLE_SLICE_NS;
        slice_ns += asked_rate <= CALM_PAGES_PER_S * worker_count ? calm_ns : busy_slice_ns;
        int64_t t = now_ns();
        /* After a standstill or under throttling the lost work stays lost: a real program would be slower too. */
        if (t - slice_ns > MAX_DEBT_NS)
            slice_ns = t;
        uint64_t rate = atomic_load(&rate_pages_per_s);
        int64_t span_ns = t - paid_ns > MAX_DEBT_NS ? MAX_DEBT_NS : t - paid_ns;
        paid_ns = t;
        if (rate != last_rate || !is_busy(t - start_ns))
            credit = 0;
        last_rate = rate;
        if (w->count && rate && is_busy(t - start_ns)) {
            credit += (double)rate * (double)span_ns / 1e9 / worker_count;
            double limit = (double)rate * MAX_DEBT_NS / 1e9 / worker_count + 1;
            if (credit > limit)
                credit = limit;
            uint64_t due = (uint64_t)credit, done = 0;
            /* Past two slices the rest stays on credit, so that the verifier and the commands get their turn. */
            while (done < due) {
                w->position = (w->position + w->stride) % w->count;
                write_page(w->first + w->position);
                reckon(steps_per_page);
                if ((++done & 31) == 0 && now_ns() - t > 2 * busy_slice_ns)
                    break;
            }
            credit -= (double)done;
            atomic_fetch_add(&w->written, done);
        }
        if (atomic_load(&corrupt_pending) == w->index + 1) {
            uint64_t page = atomic_load(&corrupt_page);
            struct region *r = page >> 63 ? &cold : &hot;
            page &= ~(1ULL << 63);
            if (page < r->pages)
                ((uint8_t *)(r->words + page * PAGE_WORDS))[2048] ^= 0x5a;
            atomic_store(&corrupt_pending, 0);
        }
        int asked = atomic_load(&verify_request) != atomic_load(&w->request_done);
        int64_t after_ns = now_ns();
        int64_t background_ns = asked_rate ? BACKGROUND_NS : 0;
        verify_some(w, asked && slice_ns > after_ns ? slice_ns : after_ns + background_ns);
        sleep_until_ns(slice_ns);
    }
    return NULL;
}

static uint64_t setting(const char *name, uint64_t fallback)
{
    const char *value = getenv(name); /* the kernel hands unknown name=value words to PID 1 */
    return value ? strtoull(value, NULL, 10) : fallback;
}

static void *beat(void *argument)
{
    (void)argument;
    uint64_t answered = 0;
    int64_t next_ns = now_ns(), every_ns = (int64_t)setting("memguest_beat_ms", BEAT_MS) * 1000000LL;
    for (uint64_t seq = 1;; seq++) {
        uint64_t written = 0, checked = 0, passes = UINT64_MAX, request = atomic_load(&verify_request);
        int done = request != answered;
        for (unsigned i = 0; i < worker_count; i++) {
            uint64_t p = atomic_load(&workers[i].passes);
            written += atomic_load(&workers[i].written);
            passes = p < passes ? p : passes;
            done = done && atomic_load(&workers[i].request_done) == request;
            checked += atomic_load(&workers[i].request_checked);
        }
        unsigned long long bad = atomic_load(&bad_pages);
        say("H %llx %llx %llx %llx %llx", (unsigned long long)seq, (unsigned long long)(now_ns() / 1000000),
            (unsigned long long)written, (unsigned long long)passes, bad);
        if (done) {
            answered = request;
            say("V %llx %llx %llx", (unsigned long long)request, (unsigned long long)checked, bad);
        }
        next_ns += every_ns;
        int64_t t = now_ns();
        if (next_ns < t)
            next_ns = t;
        sleep_until_ns(next_ns);
    }
    return NULL;
}

/* Writes every page of a region and lets go of it, so that the host has given memory for which the guest has no use.
 * With hold the region is kept. */
static void *touch_region(uint64_t mib, int hold)
{
    uint8_t *bytes = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return NULL;
    for (uint64_t at = 0; at < mib << 20; at += PAGE_BYTES)
        memset(bytes + at, 1 + (int)(at >> 12) % 255, PAGE_BYTES);
    if (hold)
        return bytes;
    munmap(bytes, mib << 20);
    return NULL;
}

/* Reads the beginning of the disk, which the kernel keeps in its cache for as long as the disk is open. */
static void read_disk(uint64_t mib)
{
    static char block[1 << 16];
    int fd = open("/dev/vda", O_RDONLY | O_CLOEXEC);
    for (uint64_t left = mib << 4; fd >= 0 && left && read(fd, block, sizeof block) > 0; left--)
        ;
}

static void hold_memory(uint64_t mib)
{
    static void *held;
    static uint64_t held_mib;
    if (held)
        munmap(held, held_mib << 20);
    held = mib ? touch_region(mib, 1) : NULL;
    held_mib = held ? mib : 0;
    say("M %llx", (unsigned long long)held_mib);
}

/* Drivers that an image has in it, in the order of the file; most images have none. */
static void load_drivers(void)
{
    char name[96], path[128];
    FILE *order = fopen("/modules/order", "r");
    while (order && fscanf(order, "%95s", name) == 1) {
        snprintf(path, sizeof path, "/modules/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)
            say("E driver %s: %s", name, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    if (order)
        fclose(order);
}

static void obey(const char *line)
{
    unsigned long long a = 0, b = 0;
    char region[8];
    if (sscanf(line, "V %llx", &a) == 1) {
        if (a > atomic_load(&verify_request))
            atomic_store(&verify_request, a);
    } else if (sscanf(line, "L %llx", &a) == 1) {
        atomic_store(&rate_pages_per_s, a);
        say("L %llx %x", a, atomic_load(&whole_pages));
    } else if (sscanf(line, "P %llx %llx", &a, &b) == 2) {
        atomic_store(&busy_ms, a);
        atomic_store(&calm_ms, b);
        say("P %llx %llx", a, b);
    } else if (sscanf(line, "W %llx", &a) == 1) {
        atomic_store(&whole_pages, a != 0);
        say("L %llx %x", (unsigned long long)atomic_load(&rate_pages_per_s), atomic_load(&whole_pages));
    } else if (sscanf(line, "C %7s %llx", region, &a) == 2) {
        int in_cold = strcmp(region, "cold") == 0;
        unsigned owner = 0;
        for (unsigned i = 0; i < worker_count && !in_cold; i++)
            if (a >= workers[i].first && a < workers[i].first + workers[i].count)
                owner = i;
        atomic_store(&corrupt_page, a | (in_cold ? 1ULL << 63 : 0));
        atomic_store(&corrupt_pending, owner + 1);
        say("C %s %llx", region, a);
    } else if (sscanf(line, "M %llx", &a) == 1) {
        hold_memory(a);
    } else if (sscanf(line, "X %llx", &a) == 1) {
        say("X %llx", a);
        tcdrain(out_fd);
        reboot(a ? RB_AUTOBOOT : RB_POWER_OFF);
    }
}

static int open_serial(const char *path, int flags)
{
    struct termios t;
    int fd = open(path, flags | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && tcgetattr(fd, &t) == 0) {
        cfmakeraw(&t);
        t.c_cflag |= CLOCAL;
        tcsetattr(fd, TCSANOW, &t);
    }
    return fd;
}

static void make_region(struct region *r, uint64_t mib, int rewritten)
{
    r->pages = mib << 8;
    if (!r->pages)
        return;
    size_t bytes = r->pages * PAGE_BYTES;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    r->words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    r->known_bad = mmap(NULL, r->pages, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (rewritten)
        r->expected = mmap(NULL, r->pages * 4, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (r->words == MAP_FAILED || r->known_bad == MAP_FAILED || r->expected == MAP_FAILED) {
        say("E not enough memory for %s", r->name);
        for (;;)
            pause();
    }
}

static void start_thread(pthread_t *thread, void *(*body)(void *), void *argument, int realtime_priority)
{
    pthread_create(thread, NULL, body, argument);
    if (realtime_priority) {
        struct sched_param p = {.sched_priority = realtime_priority};
        pthread_setschedparam(*thread, SCHED_FIFO, &p);
    }
}

int main(void)
{
    pthread_t beat_thread;
    mkdir("/dev", 0755);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    out_fd = open_serial("/dev/ttyS0", O_WRONLY);
    int in_fd = open_serial("/dev/ttyS1", O_RDONLY);

    long online = sysconf(_SC_NPROCESSORS_ONLN);
    worker_count = online < 1 ? 1 : online > MAX_WORKERS ? MAX_WORKERS : (unsigned)online;
    atomic_store(&rate_pages_per_s, setting("memguest_rate", 0));
    atomic_store(&whole_pages, setting("memguest_whole", 0) != 0);
    steps_per_page = setting("memguest_steps", 0);
    busy_slice_ns = (int64_t)setting("memguest_slice_ms", SLICE_MS) * 1000000LL;
    atomic_store(&busy_ms, setting("memguest_busy_ms", 0));
    atomic_store(&calm_ms, setting("memguest_calm_ms", 0));
    uint64_t hot_mib = setting("memguest_hot_mib", 128), cold_mib = setting("memguest_cold_mib", 64);
    say("G %llx %llx %x", (unsigned long long)hot_mib << 8, (unsigned long long)cold_mib << 8, worker_count);
    start_thread(&beat_thread, beat, NULL, 50);
    load_drivers();

    make_region(&hot, hot_mib, 1);
    make_region(&cold, cold_mib, 0);
    for (uint64_t page = 0; page < hot.pages; page++)
        fill_page(&hot, page, 0);
    for (uint64_t page = 0; page < cold.pages; page++)
        fill_page(&cold, page, 0);
    for (unsigned i = 0; i < worker_count; i++) {
        struct worker *w = &workers[i];
        w->index = i;
        w->first = hot.pages * i / worker_count;
        w->count = hot.pages * (i + 1) / worker_count - w->first;
        w->cold_first = cold.pages * i / worker_count;
        w->cold_count = cold.pages * (i + 1) / worker_count - w->cold_first;
        w->stride = w->count > 1 ? coprime_stride(w->count) : 0;
        start_thread(&w->thread, work, w, 0);
    }
    if (setting("memguest_freed_mib", 0))
        touch_region(setting("memguest_freed_mib", 0), 0);
    if (setting("memguest_cached_mib", 0))
        read_disk(setting("memguest_cached_mib", 0));
    say("R");

    char line[64];
    size_t used = 0;
    for (;;) {
        char c;
        if (read(in_fd, &c, 1) != 1) {
            usleep(100000);
            continue;
        }
        if (c == '\n') {
            line[used] = 0;
            obey(line);
            used = 0;
        } else if (used < sizeof line - 1) {
            line[used++] = c;
        }
    }
}
