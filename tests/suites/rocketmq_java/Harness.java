import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Checks with names, some at once, as most wait; each says in one line how it ended. */
final class Harness {
    static final int CHECK_SECONDS = 120;
    static final int WAIT_SECONDS = 60;

    interface Check {
        void run(String name) throws Exception;
    }

    private final Map<String, Check> checks = new LinkedHashMap<>();
    private final int atOnce;

    Harness(int atOnce) {
        this.atOnce = atOnce;
    }

    Harness() {
        this(6);
    }

    /** One promise. `name` is free to be used in the names of topics and groups. */
    void check(String promise, Check check) {
        checks.put(promise, check);
    }

    /** Run those whose promise contains one of the words; all, when there are none. */
    void run(String[] words) {
        ExecutorService checkers = Executors.newFixedThreadPool(atOnce);
        String run = Long.toString(System.currentTimeMillis(), 36);
        int count = 0;
        for (Map.Entry<String, Check> each : checks.entrySet()) {
            String name = "t" + run + "-" + count++;
            if (isWanted(each.getKey(), words)) {
                checkers.execute(() -> say(each.getKey(), outcome(each.getValue(), name)));
            }
        }
        checkers.shutdown();
        try {
            checkers.awaitTermination(1, TimeUnit.HOURS);
        } catch (InterruptedException nobodyDoes) {
            throw new IllegalStateException(nobodyDoes);
        }
        System.exit(0); // clients of a check that failed may still have threads
    }

    private static boolean isWanted(String promise, String[] words) {
        for (String word : words) {
            if (promise.contains(word)) {
                return true;
            }
        }
        return words.length == 0;
    }

    private static Throwable outcome(Check check, String name) {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        Future<?> running = thread.submit(() -> {
            check.run(name);
            return null;
        });
        try {
            running.get(CHECK_SECONDS, TimeUnit.SECONDS);
            return null;
        } catch (TimeoutException late) {
            running.cancel(true);
            return new AssertionError("no end after " + CHECK_SECONDS + " s");
        } catch (Exception error) {
            return error.getCause() == null ? error : error.getCause();
        } finally {
            thread.shutdown();
        }
    }

    private static synchronized void say(String promise, Throwable error) {
        String how = error == null ? "passed" : "failed";
        String why = error == null ? "" : String.valueOf(error).replaceAll("\\s+", " ");
        System.out.println("CHECK\t" + how + "\t" + promise + "\t" + why);
        System.out.flush();
        if (error != null) {
            error.printStackTrace(System.err);
        }
    }

    /** Wait until this is so; how it is meanwhile is in the message of the failure. */
    static void until(String what, Callable<Boolean> so, Object seen) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
        while (!so.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("never: " + what + "; seen: " + seen);
            }
            Thread.sleep(5);
        }
    }

    static void same(Object expected, Object found, String what) {
        if (!String.valueOf(expected).equals(String.valueOf(found))) {
            throw new AssertionError(what + " is " + found + ", not " + expected);
        }
    }

    static void yes(boolean so, String what) {
        if (!so) {
            throw new AssertionError("not so: " + what);
        }
    }
}
