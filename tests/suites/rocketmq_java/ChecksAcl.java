import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.body.AclInfo;
import org.apache.rocketmq.remoting.protocol.body.UserInfo;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Users and policies of ACL 2.0, at a broker that wants everybody to sign.
 * `ChecksAcl NAMESRV BROKER SUPERUSER PASSWORD [WORD...]`.
 */
public final class ChecksAcl {
    private static final int DENIED = 16;
    private static String broker;
    private static String root;
    private static String password;

    public static void main(String[] args) {
        Room.nameServer = args[0];
        broker = args[1];
        root = args[2];
        password = args[3];
        Harness harness = new Harness(1); // who asks is the same for all that run at once
        harness.check("a super user sends and receives", ChecksAcl::superUser);
        harness.check("who does not sign is refused", name -> refused(name, null));
        harness.check("a wrong secret is refused", name -> refused(name, Room.hookOf(root, "wrong")));
        harness.check("a user that nobody knows is refused",
            name -> refused(name, Room.hookOf("nobody", password)));
        harness.check("a normal user may do what policies say", ChecksAcl::normalUser);
        harness.check("a denial wins", ChecksAcl::denial);
        harness.check("a prefix is enough", ChecksAcl::prefix);
        harness.check("a new password holds, the old one does not", ChecksAcl::newPassword);
        harness.check("a deleted user is refused", ChecksAcl::deleted);
        harness.check("users and policies are listed", ChecksAcl::listed);
        harness.run(Arrays.copyOfRange(args, 4, args.length));
    }

    static void superUser(String name) throws Exception {
        Room.hook = Room.hookOf(root, password);
        try (Room room = new Room()) {
            room.producer(name).send(Room.message(name, "hello"));
            room.inbox(name, name, "*").has("hello");
        }
    }

    private static void refused(String name, RPCHook hook) throws Exception {
        makeTopic(name);
        Room.hook = hook;
        isRefused(() -> send(name));
    }

    private static void isRefused(Supplier<Throwable> does) {
        Throwable error = does.get();
        Harness.yes(error != null, "it is refused");
        // A client that may not even know the topic says that it has no route.
        String said = String.valueOf(error);
        Harness.yes(codeOf(error) == DENIED || said.contains("No route info")
            || said.contains("not allow"), "it is refused for that: " + codeOf(error) + " " + said);
    }

    private static int codeOf(Throwable error) {
        for (Throwable each = error; each != null; each = each.getCause()) {
            if (each instanceof MQBrokerException) {
                return ((MQBrokerException) each).getResponseCode();
            }
            if (each instanceof MQClientException && ((MQClientException) each).getResponseCode() > 0) {
                return ((MQClientException) each).getResponseCode();
            }
        }
        return 0;
    }

    private static Throwable send(String topic) {
        try (Room room = new Room()) {
            DefaultMQProducer producer = new DefaultMQProducer("p" + topic, Room.hook);
            producer.setRetryTimesWhenSendFailed(0);
            room.started(producer).send(Room.message(topic, "hello"));
            return null;
        } catch (Exception error) {
            return error;
        }
    }

    @SuppressWarnings("deprecation")
    private static Throwable pull(String topic, String group) {
        try (Room room = new Room()) {
            DefaultMQPullConsumer puller = room.puller(group);
            puller.pull(puller.fetchSubscribeMessageQueues(topic).iterator().next(), "*", 0, 32);
            return null;
        } catch (Exception error) {
            return error;
        }
    }

    private static void makeTopic(String topic) throws Exception {
        Room.hook = Room.hookOf(root, password);
        Throwable error = send(topic);
        Harness.yes(error == null, "the topic is made: " + error);
    }

    interface Act {
        void on(DefaultMQAdminExt admin) throws Exception;
    }

    private static void administer(Act act) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt(Room.hookOf(root, password), 10_000);
        admin.setNamesrvAddr(Room.nameServer);
        admin.setInstanceName("admin-" + System.nanoTime());
        admin.start();
        try {
            act.on(admin);
        } finally {
            admin.shutdown();
        }
    }

    private static void makeUser(String name) throws Exception {
        administer(admin -> admin.createUser(broker, name, "secret of " + name, "Normal"));
    }

    private static RPCHook signed(String name) {
        return Room.hookOf(name, "secret of " + name);
    }

    private static void allow(String user, String resource, String actions) throws Exception {
        say(user, resource, actions, "Allow");
    }

    private static void say(String user, String resource, String actions, String decision)
        throws Exception {
        List<String> all = Arrays.asList(actions.split(","));
        administer(admin -> admin.createAcl(broker, AclInfo.of("User:" + user,
            Collections.singletonList(resource), all, Collections.emptyList(), decision)));
    }

    static void normalUser(String name) throws Exception {
        makeTopic(name);
        makeUser(name);
        Room.hook = signed(name);
        isRefused(() -> send(name));
        allow(name, "Topic:" + name, "Pub");
        Room.hook = signed(name);
        Harness.same(null, send(name), "why it may not send");
        isRefused(() -> pull(name, name));
        allow(name, "Topic:" + name, "Pub,Sub");
        allow(name, "Group:" + name, "Sub");
        Harness.same(null, pull(name, name), "why it may not pull");
        isRefused(() -> pull(name, "other" + name));
    }

    static void denial(String name) throws Exception {
        makeTopic(name);
        makeUser(name);
        allow(name, "Topic:*", "Pub");
        Room.hook = signed(name);
        Harness.same(null, send(name), "why it may not send");
        say(name, "Topic:" + name, "Pub", "Deny");
        isRefused(() -> send(name));
    }

    static void prefix(String name) throws Exception {
        makeTopic(name + "-a");
        makeTopic("other-" + name);
        makeUser(name);
        allow(name, "Topic:" + name + "*", "Pub");
        Room.hook = signed(name);
        Harness.same(null, send(name + "-a"), "why it may not send");
        isRefused(() -> send("other-" + name));
    }

    static void newPassword(String name) throws Exception {
        makeTopic(name);
        makeUser(name);
        allow(name, "Topic:*", "Pub");
        administer(admin -> admin.updateUser(broker, name, "another secret", "Normal", "enable"));
        Room.hook = signed(name);
        isRefused(() -> send(name));
        Room.hook = Room.hookOf(name, "another secret");
        Harness.same(null, send(name), "why it may not send");
    }

    static void deleted(String name) throws Exception {
        makeTopic(name);
        makeUser(name);
        allow(name, "Topic:*", "Pub");
        Room.hook = signed(name);
        Harness.same(null, send(name), "why it may not send");
        administer(admin -> admin.deleteUser(broker, name));
        isRefused(() -> send(name));
    }

    static void listed(String name) throws Exception {
        makeUser(name);
        allow(name, "Topic:" + name + "*", "Pub,Sub");
        administer(admin -> {
            UserInfo user = admin.getUser(broker, name);
            Harness.same("Normal", user.getUserType(), "the kind of the user");
            Harness.same("Super", admin.getUser(broker, root).getUserType(), "the kind of the other");
            Harness.same(1, admin.listUser(broker, name).size(), "how many of that name there are");
            AclInfo acl = admin.getAcl(broker, "User:" + name);
            AclInfo.PolicyEntryInfo entry = acl.getPolicies().get(0).getEntries().get(0);
            Harness.same("Topic:" + name + "*", entry.getResource(), "the resource");
            Harness.same("[Pub, Sub]", entry.getActions(), "the actions");
            Harness.same("Allow", entry.getDecision(), "the decision");
            Harness.same(1, admin.listAcl(broker, name, "").size(), "how many policies there are");
            admin.deleteAcl(broker, "User:" + name, "Topic:" + name + "*");
            Harness.same(null, admin.listAcl(broker, name, ""), "what is left");
        });
    }
}
