import { dictionary } from "../../lib/i18n";

export const t = dictionary({
  en: {
    title: "Search", hint: "Queues, exchanges, topics, users, pages …", pages: "Pages", queues: "Queues", exchanges: "Exchanges", topics: "Topics", groups: "Consumer groups", users: "Users", vhosts: "Virtual hosts", doThis: "Do",
    nothing: "Nothing has this name.", openIt: "open", choose: "choose", leave: "close", browse: "Browse messages",
    light: "Light theme", dark: "Dark theme", english: "English", chinese: "中文", logOut: "Log out", recent: "Last opened",
  },
  zh: {
    title: "搜索", hint: "队列、交换机、主题、用户、页面……", pages: "页面", queues: "队列", exchanges: "交换机", topics: "主题", groups: "消费者组", users: "用户", vhosts: "虚拟主机", doThis: "操作",
    nothing: "没有这个名称。", openIt: "打开", choose: "选择", leave: "关闭", browse: "浏览消息",
    light: "浅色主题", dark: "深色主题", english: "English", chinese: "中文", logOut: "退出登录", recent: "最近打开",
  },
});
